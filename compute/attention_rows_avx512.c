/* The row form over f16 cells: up to four queries share each cell that is read and converted. */
#include "compute/attention_avx512.h"
#include "compute/simd_avx512.h"

#define D_MAX 128
#define STEPS (D_MAX / 16)

UT_INLINE size_t cell_at(const struct ut_cells *c, size_t i)
{
    return c->cells ? (size_t)c->cells[i] : c->first + i;
}

/* All channels of a cell as floats, sixteen a vector. */
UT_INLINE void load_cell(__m512 *to, const struct ut_cells *c, size_t i, size_t d)
{
    const uint16_t *h = (const uint16_t *)c->base + cell_at(c, i) * d;

    for (size_t j = 0; j < d; j += 16) {
        if (d - j >= 16)
            to[j / 16] =
                _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)(h + j)));
        else
            to[j / 16] = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(ut_lanes16(d - j), h + j));
    }
}

/*
 * The sums of sixteen vectors, one a lane. Halves are added to halves until one is left, so a sum
 * has the same bits wherever it stands.
 */
UT_INLINE __m512 sum_each(const float *x)
{
    __m512 a[8];

    for (size_t i = 0; i < 8; i++) { /* 16 lanes to 8: vectors i and i + 8 */
        __m512 v = _mm512_loadu_ps(x + i * 16), w = _mm512_loadu_ps(x + (i + 8) * 16);
        a[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v, w, 0x44), _mm512_shuffle_f32x4(v, w, 0xee));
    }
    for (size_t i = 0; i < 4; i++) /* 8 to 4: i and i + 4 */
        a[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a[i], a[i + 4], 0x88),
                             _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd));
    for (size_t i = 0; i < 2; i++) /* 4 to 2: i and i + 2 */
        a[i] = _mm512_add_ps(_mm512_shuffle_ps(a[i], a[i + 2], 0x44),
                             _mm512_shuffle_ps(a[i], a[i + 2], 0xee));
    __m512 sums =
        _mm512_add_ps(_mm512_shuffle_ps(a[0], a[1], 0x88), _mm512_shuffle_ps(a[0], a[1], 0xdd));
    /* Where the sum of vector 0, 1, 2, ... has come to stand. */
    const __m512i at = _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15);
    return _mm512_permutexvar_ps(at, sums);
}

UT_INLINE void scores(float *const *s, const float *const *q, size_t n_rows,
                      const struct ut_cells *k, size_t d)
{
    __m512 query[UT_ROW_GROUP][STEPS], key[STEPS];
    _Alignas(64) float parts[UT_ROW_GROUP][16 * 16];

    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < d; j += 16)
            query[r][j / 16] = _mm512_maskz_loadu_ps(ut_lanes16(d - j), q[r] + j);
    for (size_t i = 0; i < k->n; i += 16) {
        size_t n = k->n - i < 16 ? k->n - i : 16;
        for (size_t c = 0; c < n; c++) {
            load_cell(key, k, i + c, d);
            for (size_t r = 0; r < n_rows; r++) {
                __m512 sum = _mm512_mul_ps(query[r][0], key[0]);
                for (size_t j = 1; j < (d + 15) / 16; j++)
                    sum = _mm512_fmadd_ps(query[r][j], key[j], sum);
                _mm512_store_ps(parts[r] + c * 16, sum);
            }
        }
        for (size_t c = n; c < 16; c++)
            for (size_t r = 0; r < n_rows; r++)
                _mm512_store_ps(parts[r] + c * 16, _mm512_setzero_ps());
        for (size_t r = 0; r < n_rows; r++)
            _mm512_mask_storeu_ps(s[r] + i, ut_lanes16(n), sum_each(parts[r]));
    }
}

UT_INLINE void mix(float *const *y, const float *const *p, size_t n_rows, const struct ut_cells *v,
                   size_t d)
{
    __m512 sum[UT_ROW_GROUP][STEPS], value[STEPS];

    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < d; j += 16)
            sum[r][j / 16] = _mm512_maskz_loadu_ps(ut_lanes16(d - j), y[r] + j);
    for (size_t i = 0; i < v->n; i++) {
        load_cell(value, v, i, d);
        for (size_t r = 0; r < n_rows; r++) {
            __m512 weight = _mm512_set1_ps(p[r][i]);
            for (size_t j = 0; j < d; j += 16)
                sum[r][j / 16] = _mm512_fmadd_ps(weight, value[j / 16], sum[r][j / 16]);
        }
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < d; j += 16)
            _mm512_mask_storeu_ps(y[r] + j, ut_lanes16(d - j), sum[r][j / 16]);
}

/* The usual head has bodies of its own: constants let all sums stay in registers. */
static void scores_f16(float *const *s, const float *const *q, size_t n_rows,
                       const struct ut_cells *k)
{
    if (k->d != 64) {
        scores(s, q, n_rows, k, k->d);
        return;
    }
    switch (n_rows) {
    case 1:
        scores(s, q, 1, k, 64);
        break;
    case 2:
        scores(s, q, 2, k, 64);
        break;
    case 3:
        scores(s, q, 3, k, 64);
        break;
    default:
        scores(s, q, 4, k, 64);
        break;
    }
}

static void mix_f16(float *const *y, const float *const *p, size_t n_rows, const struct ut_cells *v)
{
    if (v->d != 64) {
        mix(y, p, n_rows, v, v->d);
        return;
    }
    switch (n_rows) {
    case 1:
        mix(y, p, 1, v, 64);
        break;
    case 2:
        mix(y, p, 2, v, 64);
        break;
    case 3:
        mix(y, p, 3, v, 64);
        break;
    default:
        mix(y, p, 4, v, 64);
        break;
    }
}

void ut_attention_ops_init_rows_avx512(struct ut_attention_ops *ops)
{
    ops->scores_f16 = scores_f16;
    ops->mix_f16 = mix_f16;
}
