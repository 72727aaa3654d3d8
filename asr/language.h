/*
 * The languages of Whisper, in the order of their tokens. Constant tables; any thread.
 *
 * SOURCE: openai/whisper tokenizer.py, LANGUAGES and TO_LANGUAGE_CODE.
 */
#ifndef UT_ASR_LANGUAGE_H
#define UT_ASR_LANGUAGE_H

#define UT_ASR_N_LANGUAGES 100 /* the last, Cantonese, only in vocabularies of 51866 */

/*
 * The index of a code ("en"), an English name ("english", "haitian creole") or one of Whisper's
 * other names ("castilian"), in any case; -1 when there is none or it is NULL.
 */
int ut_asr_language_find(const char *code_or_name);

/* The code and the English name (lower case) of an index, NULL when out of range. */
const char *ut_asr_language_code(int language);
const char *ut_asr_language_name(int language);

#endif
