#include <immintrin.h>

#include "compute/peak_ops.h"
#include "compute/tiles_amx.h"

static void zero_tiles(void)
{
    ut_tiles_begin();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
}

/* Four products of 16 x 16 x 64 bytes a round, into four tiles. */
static size_t s8(size_t n)
{
    zero_tiles();
    for (size_t i = 0; i < n; i++) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    ut_tiles_end();
    return (size_t)2 * 4 * 16 * 16 * 64;
}

static size_t bf16(size_t n)
{
    zero_tiles();
    for (size_t i = 0; i < n; i++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    ut_tiles_end();
    return (size_t)2 * 4 * 16 * 16 * 32;
}

void ut_peak_ops_init_amx_int8(struct ut_peak_ops *ops)
{
    ops->s8 = s8;
}

void ut_peak_ops_init_amx_bf16(struct ut_peak_ops *ops)
{
    ops->bf16 = bf16;
}
