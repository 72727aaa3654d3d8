#include "asr/language.h"

#include <stddef.h>
#include <strings.h>

static const struct {
    const char *code;
    const char *name;
} languages[UT_ASR_N_LANGUAGES] = {
    { "en", "english" },     { "zh", "chinese" },    { "de", "german" },
    { "es", "spanish" },     { "ru", "russian" },    { "ko", "korean" },
    { "fr", "french" },      { "ja", "japanese" },   { "pt", "portuguese" },
    { "tr", "turkish" },     { "pl", "polish" },     { "ca", "catalan" },
    { "nl", "dutch" },       { "ar", "arabic" },     { "sv", "swedish" },
    { "it", "italian" },     { "id", "indonesian" }, { "hi", "hindi" },
    { "fi", "finnish" },     { "vi", "vietnamese" }, { "he", "hebrew" },
    { "uk", "ukrainian" },   { "el", "greek" },      { "ms", "malay" },
    { "cs", "czech" },       { "ro", "romanian" },   { "da", "danish" },
    { "hu", "hungarian" },   { "ta", "tamil" },      { "no", "norwegian" },
    { "th", "thai" },        { "ur", "urdu" },       { "hr", "croatian" },
    { "bg", "bulgarian" },   { "lt", "lithuanian" }, { "la", "latin" },
    { "mi", "maori" },       { "ml", "malayalam" },  { "cy", "welsh" },
    { "sk", "slovak" },      { "te", "telugu" },     { "fa", "persian" },
    { "lv", "latvian" },     { "bn", "bengali" },    { "sr", "serbian" },
    { "az", "azerbaijani" }, { "sl", "slovenian" },  { "kn", "kannada" },
    { "et", "estonian" },    { "mk", "macedonian" }, { "br", "breton" },
    { "eu", "basque" },      { "is", "icelandic" },  { "hy", "armenian" },
    { "ne", "nepali" },      { "mn", "mongolian" },  { "bs", "bosnian" },
    { "kk", "kazakh" },      { "sq", "albanian" },   { "sw", "swahili" },
    { "gl", "galician" },    { "mr", "marathi" },    { "pa", "punjabi" },
    { "si", "sinhala" },     { "km", "khmer" },      { "sn", "shona" },
    { "yo", "yoruba" },      { "so", "somali" },     { "af", "afrikaans" },
    { "oc", "occitan" },     { "ka", "georgian" },   { "be", "belarusian" },
    { "tg", "tajik" },       { "sd", "sindhi" },     { "gu", "gujarati" },
    { "am", "amharic" },     { "yi", "yiddish" },    { "lo", "lao" },
    { "uz", "uzbek" },       { "fo", "faroese" },    { "ht", "haitian creole" },
    { "ps", "pashto" },      { "tk", "turkmen" },    { "nn", "nynorsk" },
    { "mt", "maltese" },     { "sa", "sanskrit" },   { "lb", "luxembourgish" },
    { "my", "myanmar" },     { "bo", "tibetan" },    { "tl", "tagalog" },
    { "mg", "malagasy" },    { "as", "assamese" },   { "tt", "tatar" },
    { "haw", "hawaiian" },   { "ln", "lingala" },    { "ha", "hausa" },
    { "ba", "bashkir" },     { "jw", "javanese" },   { "su", "sundanese" },
    { "yue", "cantonese" },
};

static const struct {
    const char *name;
    const char *code;
} aliases[] = {
    { "burmese", "my" },       { "valencian", "ca" }, { "flemish", "nl" },   { "haitian", "ht" },
    { "letzeburgesch", "lb" }, { "pushto", "ps" },    { "panjabi", "pa" },   { "moldavian", "ro" },
    { "moldovan", "ro" },      { "sinhalese", "si" }, { "castilian", "es" }, { "mandarin", "zh" },
};

static int find_code(const char *code)
{
    for (int i = 0; i < UT_ASR_N_LANGUAGES; i++) {
        if (strcasecmp(languages[i].code, code) == 0)
            return i;
    }
    return -1;
}

int ut_asr_language_find(const char *code_or_name)
{
    if (!code_or_name)
        return -1;
    for (int i = 0; i < UT_ASR_N_LANGUAGES; i++) {
        if (strcasecmp(languages[i].name, code_or_name) == 0)
            return i;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcasecmp(aliases[i].name, code_or_name) == 0)
            return find_code(aliases[i].code);
    }
    return find_code(code_or_name);
}

const char *ut_asr_language_code(int language)
{
    return language >= 0 && language < UT_ASR_N_LANGUAGES ? languages[language].code : NULL;
}

const char *ut_asr_language_name(int language)
{
    return language >= 0 && language < UT_ASR_N_LANGUAGES ? languages[language].name : NULL;
}
