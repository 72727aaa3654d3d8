/*
 * Terms to expect, as the command line has them: --term WORD, repeated, and the lines of a --terms
 * file. One thread.
 */
#ifndef UT_CLIENTS_TERMS_H
#define UT_CLIENTS_TERMS_H

#include "asr/bias.h"
#include "clients/settings.h"

struct ut_terms {
    const char **list;
    size_t n;
    char *text; /* of the file, cut into lines */
};

/*
 * Terms of the settings, those of the file behind the others. The file is UTF-8 text, one term a
 * line; empty lines do not count. Errors: UT_EINVAL (cannot be read, no text file, more than 1
 * MiB), UT_ENOMEM. A zeroed struct has no terms.
 */
UT_NODISCARD enum ut_status ut_terms_open(struct ut_terms *out, const struct ut_settings *s,
                                          struct ut_error *err);
void ut_terms_close(struct ut_terms *t);

/* What the settings' bonus means for the tokens of a term. */
struct ut_asr_bias_options ut_terms_gains(const struct ut_settings *s);

/* The bias of the settings' terms, NULL without any. Errors: as above, and ut_asr_bias_create(). */
UT_NODISCARD enum ut_status ut_terms_bias(struct ut_asr_bias **out, const struct ut_settings *s,
                                          const struct ut_asr_tokens *tokens, struct ut_error *err);

#endif
