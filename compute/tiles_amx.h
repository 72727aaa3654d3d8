/*
 * AMX tile configuration. Only for files compiled with AMX flags.
 *
 * ldtilecfg reads all 64 bytes; gcc 12's own intrinsic tells the compiler of eight, which lets it
 * drop the rest of the stores, so the instruction stands here with its true operand.
 */
#ifndef UT_COMPUTE_TILES_AMX_H
#define UT_COMPUTE_TILES_AMX_H

#include <stdint.h>
#include <string.h>

struct ut_tile_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct ut_tile_config) == 64, "what ldtilecfg reads");

/*
 * Tiles 0-3 are results (rows0 and rows1 high, side by side in pairs), 4-5 the inputs' rows, 6-7
 * the weights' 16 x 64 bytes. rows0 in 1..16, rows1 in 0..16 (0: the second row of tiles is
 * unused).
 */
static inline void ut_tiles_load(size_t rows0, size_t rows1)
{
    static const uint8_t second[8] = { 0, 0, 1, 1, 0, 1, 2, 2 };
    struct ut_tile_config config;

    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int i = 0; i < 8; i++) {
        size_t rows = second[i] == 0 ? rows0 : second[i] == 1 ? rows1 : 16;
        config.rows[i] = (uint8_t)(rows ? rows : 1);
        config.row_bytes[i] = 64;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

static inline void ut_tiles_release(void)
{
    __asm__ volatile("tilerelease");
}

#endif
