#include "compute/attention_avx512.h"
#include "compute/simd_avx512.h"

/* f32 -> bf16 to nearest even, in the upper half of each lane; NaN stays NaN. */
UT_INLINE __m512i round_bf16(__m512 x)
{
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);

    return _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
}

/* Two vectors of sixteen as sixteen pairs: even[i], odd[i]. */
UT_INLINE __m512i make_pairs(__m512 even, __m512 odd)
{
    __m512i low = _mm512_srli_epi32(round_bf16(even), 16);
    __m512i high = _mm512_and_si512(round_bf16(odd), _mm512_set1_epi32((int)0xffff0000));

    return _mm512_or_si512(low, high);
}

static void pack_k_pairs(uint16_t *dst, const float *k, size_t ld, size_t n, size_t d)
{
    __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32((int)ld));
    __m512 none = _mm512_setzero_ps();

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        for (size_t j = 0; j < d; j += 2, dst += 32) {
            const float *from = k + i * ld + j;
            __m512 even = _mm512_mask_i32gather_ps(none, lanes, at, from, 4);
            __m512 odd = _mm512_mask_i32gather_ps(none, lanes, at, from + 1, 4);
            _mm512_storeu_si512(dst, make_pairs(even, odd));
        }
    }
}

static void pack_v_pairs(uint16_t *dst, const float *v, size_t ld, size_t n, size_t d)
{
    size_t n_pad = (n + 31) / 32 * 32;

    for (size_t j = 0; j < d; j += 16) {
        __mmask16 lanes = ut_lanes16(d - j);
        uint16_t *to = dst + j * UT_KEY_BLOCK;
        for (size_t i = 0; i < n_pad; i += 2, to += 32) {
            __m512 even = _mm512_setzero_ps(), odd = even;
            if (i < n)
                even = _mm512_maskz_loadu_ps(lanes, v + i * ld + j);
            if (i + 1 < n)
                odd = _mm512_maskz_loadu_ps(lanes, v + (i + 1) * ld + j);
            _mm512_storeu_si512(to, make_pairs(even, odd));
        }
    }
}

static void to_bf16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512i r = _mm512_srli_epi32(round_bf16(_mm512_maskz_loadu_ps(lanes, x + i)), 16);
        _mm256_mask_storeu_epi16(y + i, lanes, _mm512_cvtepi32_epi16(r));
    }
}

void ut_attention_ops_init_pairs(struct ut_attention_ops *ops)
{
    ops->pack_k_pairs = pack_k_pairs;
    ops->pack_v_pairs = pack_v_pairs;
    ops->to_bf16 = to_bf16;
}
