/*
 * Whether a file ends before its own framing says that it should. Decoders take the end of the file
 * for the end of the audio; a recording cut short by a full disk must not pass for a whole one.
 */
#ifndef UT_AUDIO_TRUNCATION_H
#define UT_AUDIO_TRUNCATION_H

#include <stdint.h>

/*
 * The least number of bytes missing at the end of the regular file `fd`: of the sound chunk of
 * RIFF/WAVE and AIFF, of the last page of Ogg. 0 when whole, unknown, or of open length (a header
 * written before the length was known). Leaves the file offset alone. Any thread.
 */
int64_t ut_truncation_n_missing(int fd);

#endif
