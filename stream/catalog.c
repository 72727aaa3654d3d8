#include "stream/catalog.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/dtype.h"

enum ut_status ut_catalog_cache(struct ut_buffer *out, const char *cache, struct ut_error *err)
{
    enum ut_status status;
    const char *named = cache && *cache ? cache : getenv("UTTER_CACHE");

    if (named && *named) {
        status = ut_buffer_printf(out, "%s", named);
    } else {
        const char *home = getenv("HOME");

        if (!home || !*home)
            return ut_error_set(err, UT_EINVAL, "neither UTTER_CACHE nor HOME is set");
        status = ut_buffer_printf(out, "%s/.cache/utter", home);
    }
    if (status)
        ut_error_set(err, status, "the name of the cache directory is too long");
    return status;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s);
    size_t n_end = strlen(end);

    return n >= n_end && strcmp(s + n - n_end, end) == 0;
}

/* "base-f32": does what follows the last '-' name a type? ("tiny.en" has none.) */
static bool names_a_type(const char *name)
{
    const char *dash = strrchr(name, '-');
    enum ut_dtype dtype;

    return dash && ut_dtype_parse(&dtype, dash + 1) == UT_OK;
}

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t n = strlen(name);

    return n > 0 && n <= 64 && name[0] != '.' && strspn(name, allowed) == n;
}

/* What `utter models fetch` can get; a type may stand behind each but silero. */
static const char *const fetched[] = { "base", "tiny.en", "silero" };

static const char *fetched_name(const char *name)
{
    bool typed = names_a_type(name) && strncmp(name, "silero", 6) != 0;
    size_t n = typed ? (size_t)(strrchr(name, '-') - name) : strlen(name);

    for (size_t i = 0; i < sizeof fetched / sizeof fetched[0]; i++) {
        if (strlen(fetched[i]) == n && memcmp(fetched[i], name, n) == 0)
            return fetched[i];
    }
    return NULL;
}

/* A model that could be there is not. */
static enum ut_status say_missing(const char *name, const char *path, struct ut_error *err)
{
    const char *known = fetched_name(name);
    const char *type = known ? name + strlen(known) : "";

    if (!known)
        return ut_error_set(
            err, UT_EIO,
            "model \"%s\": no %s; names are base, tiny.en, silero, and base-f32 and "
            "so on with a type",
            name, path);
    return ut_error_set(err, UT_EIO, "model \"%s\": no %s (`utter models fetch %s%s%s` gets it)",
                        name, path, known, *type ? " --type " : "", type + (*type == '-'));
}

enum ut_status ut_catalog_path(struct ut_buffer *out, const char *cache, const char *name,
                               struct ut_error *err)
{
    size_t n_before = out->n;
    enum ut_status status;

    if (strchr(name, '/') || ends_with(name, ".gguf")) {
        status = ut_buffer_printf(out, "%s", name);
        return status ? ut_error_set(err, status, "the path of the model is too long") : UT_OK;
    }
    if (!is_name(name))
        return ut_error_set(err, UT_EINVAL, "\"%s\" is neither the name nor the path of a model",
                            name);

    status = ut_catalog_cache(out, cache, err);
    if (status)
        return status;
    if (strcmp(name, "silero") == 0)
        status = ut_buffer_printf(out, "/models/silero-vad-v6.gguf");
    else
        status = ut_buffer_printf(out, "/models/whisper-%s%s.gguf", name,
                                  names_a_type(name) ? "" : "-q8_0");
    if (status)
        return ut_error_set(err, status, "the path of model \"%s\" is too long", name);
    if (access(ut_buffer_text(out) + n_before, R_OK))
        return say_missing(name, ut_buffer_text(out) + n_before, err);
    return UT_OK;
}
