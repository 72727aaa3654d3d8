#include "models/import.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "models/formats.h"
#include "models/whisper.h"

enum format { FORMAT_GGUF, FORMAT_GGML, FORMAT_CT2, FORMAT_SAFETENSORS };

/* One import: where from, what kind, where to. */
struct job {
    struct ut_buffer file;   /* the model file itself */
    struct ut_buffer folder; /* that it lies in */
    struct ut_file_map map;
    enum format format;
    const char *dst;
    const struct ut_import_options *options;
    struct ut_error *err;
};

static const char *path_of(const struct job *job)
{
    return ut_buffer_text(&job->file);
}

static enum ut_status find_file(struct job *job, const char *src)
{
    static const char *const names[] = { "model.bin", "model.safetensors" };
    struct stat sb;
    enum ut_status st = UT_OK;

    job->file.limit = job->folder.limit = 8192;
    if (stat(src, &sb) != 0 || !S_ISDIR(sb.st_mode)) {
        const char *slash = strrchr(src, '/');
        st = ut_buffer_printf(&job->file, "%s", src);
        if (st == UT_OK)
            st = ut_buffer_printf(&job->folder, "%.*s", slash ? (int)(slash - src) : 1,
                                  slash ? src : ".");
        if (st == UT_OK && job->folder.n == 0)
            st = ut_buffer_printf(&job->folder, "/");
        return st;
    }
    st = ut_buffer_printf(&job->folder, "%s", src);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && st == UT_OK; i++) {
        ut_buffer_clear(&job->file);
        st = ut_buffer_printf(&job->file, "%s/%s", src, names[i]);
        if (st == UT_OK && access(path_of(job), F_OK) == 0)
            return UT_OK;
    }
    return st == UT_OK ? ut_error_set(job->err, UT_EFORMAT,
                                      "%s: a folder without model.bin or model.safetensors", src)
                       : st;
}

static enum ut_status sniff(struct job *job)
{
    const uint8_t *p = job->map.data;
    size_t n = job->map.n_bytes;

    if (n >= 4 && memcmp(p, "GGUF", 4) == 0)
        job->format = FORMAT_GGUF;
    else if (n >= 4 && memcmp(p, "lmgg", 4) == 0)
        job->format = FORMAT_GGML;
    else if (n >= 10 && p[8] == '{' && memcmp(p + 4, "\0\0\0\0", 4) == 0)
        job->format = FORMAT_SAFETENSORS;
    else if (n >= 8 && memcmp(p + 1, "\0\0\0", 3) == 0 && p[5] == 0)
        job->format = FORMAT_CT2; /* a small version, then a short name */
    else if (n >= 4 && memcmp(p, "PK\3\4", 4) == 0)
        return ut_error_set(job->err, UT_EFORMAT,
                            "%s: a zip archive (PyTorch?): save it as safetensors first",
                            path_of(job));
    else
        return ut_error_set(job->err, UT_EFORMAT,
                            "%s: %zu bytes that are no GGUF, ggml, CTranslate2 or safetensors",
                            path_of(job), n);
    return UT_OK;
}

static size_t read_heads(const struct ut_bag *bag, const char *name)
{
    const struct ut_tensor *t = ut_bag_find(bag, name);
    int16_t n = 0;

    if (t && t->dtype == UT_DTYPE_I16 && t->n_bytes == sizeof n)
        memcpy(&n, t->data, sizeof n);
    return n > 0 ? (size_t)n : 0;
}

static enum ut_status check_count(const char *path, const char *what, size_t header, size_t tensors,
                                  struct ut_error *err)
{
    if (header == tensors)
        return UT_OK;
    return ut_error_set(err, UT_EFORMAT, "%s: %s is %zu, the tensors have %zu", path, what, header,
                        tensors);
}

/* Fills `w` from the mapped file and what lies beside it. */
static enum ut_status read_ggml(struct ut_whisper *w, struct job *job)
{
    struct ut_ggml_dims d = { 0 };
    enum ut_status st = ut_ggml_read(&w->bag, &d, &w->vocabulary, job->map.data, job->map.n_bytes,
                                     w->path, job->err);

    if (st != UT_OK)
        return st;
    w->naming = UT_NAMING_OPENAI;
    w->encoder.n_heads = d.n_audio_head;
    w->decoder.n_heads = d.n_text_head;
    st = ut_whisper_measure(w, job->err);
    if (st == UT_OK)
        st = check_count(w->path, "n_vocab", d.n_vocab, w->n_vocab, job->err);
    if (st == UT_OK)
        st = check_count(w->path, "n_mels", d.n_mels, w->n_mels, job->err);
    if (st == UT_OK)
        st = check_count(w->path, "n_audio_ctx", d.n_audio_ctx, w->encoder.context, job->err);
    if (st == UT_OK)
        st = check_count(w->path, "n_text_ctx", d.n_text_ctx, w->decoder.context, job->err);
    if (st == UT_OK)
        st = check_count(w->path, "n_audio_layer", d.n_audio_layer, w->encoder.n_layers, job->err);
    if (st == UT_OK)
        st = check_count(w->path, "n_text_layer", d.n_text_layer, w->decoder.n_layers, job->err);
    if (st == UT_OK)
        st = ut_vocabulary_complete(&w->vocabulary, w->n_vocab, true, w->path, job->err);
    return st;
}

/* CTranslate2 and safetensors: `w->bag` is filled, the rest lies beside the file. */
static enum ut_status read_beside(struct ut_whisper *w, struct job *job)
{
    const char *folder = ut_buffer_text(&job->folder);
    enum ut_status st = ut_whisper_measure(w, job->err);

    if (st == UT_OK)
        st = ut_whisper_configure(w, folder, job->err);
    if (st == UT_OK)
        st = ut_vocabulary_load(&w->vocabulary, folder, job->err);
    if (st == UT_OK)
        st = ut_vocabulary_complete(&w->vocabulary, w->n_vocab, false, folder, job->err);
    return st;
}

static enum ut_status write_whisper(struct ut_whisper *w, struct job *job)
{
    const char *type = job->options->type ? job->options->type : "q8_0";
    struct ut_gguf_writer *out = NULL;
    enum ut_dtype dtype;
    enum ut_status st = ut_models_parse_type(&dtype, type, job->err);

    if (st == UT_OK)
        st = ut_whisper_settle_heads(w, job->err);
    if (st != UT_OK)
        return st;
    ut_whisper_default_alignment(w);
    const char *slash = strrchr(w->path, '/');
    const char *name = ut_whisper_size_name(w);
    if (job->options->name)
        name = job->options->name;
    else if (!name)
        name = slash ? slash + 1 : w->path;
    st = ut_gguf_writer_create(&out, job->dst, job->err);
    if (st == UT_OK)
        st = ut_whisper_write(w, out, dtype, name, &job->options->progress, job->err);
    if (st == UT_OK)
        st = ut_gguf_writer_finish(out, job->err);
    ut_gguf_writer_destroy(out);
    return st;
}

/* All tensors under their own names, as they are. */
static enum ut_status write_silero(const struct ut_bag *bag, struct job *job)
{
    struct ut_plan plan = { 0 };
    struct ut_gguf_writer *out = NULL;
    enum ut_status st = ut_gguf_writer_create(&out, job->dst, job->err);

    if (st != UT_OK)
        return st;
    st = ut_gguf_writer_text(out, "general.architecture", "silero-vad");
    if (st == UT_OK)
        st = ut_gguf_writer_text(out, "general.name",
                                 job->options->name ? job->options->name : "silero-vad");
    for (size_t i = 0; i < bag->n && st == UT_OK; i++)
        st = ut_plan_add(&plan, bag->tensors[i].name, &bag->tensors[i], UT_DTYPE_F32);
    if (st != UT_OK)
        ut_error_set(job->err, st, "%s: cannot put its tensors together", path_of(job));
    if (st == UT_OK)
        st = ut_plan_write(&plan, out, path_of(job), &job->options->progress, job->err);
    if (st == UT_OK)
        st = ut_gguf_writer_finish(out, job->err);
    ut_plan_finish(&plan);
    ut_gguf_writer_destroy(out);
    return st;
}

static bool is_silero(const struct ut_bag *bag)
{
    return ut_bag_find(bag, "stft_conv.weight") && ut_bag_find(bag, "lstm_cell.weight_ih") &&
           ut_bag_find(bag, "final_conv.weight");
}

static bool has_hf_names(const struct ut_bag *bag)
{
    return ut_bag_find(bag, "model.decoder.embed_tokens.weight") ||
           ut_bag_find(bag, "decoder.embed_tokens.weight");
}

static enum ut_status import_foreign(struct job *job)
{
    struct ut_whisper *w = ut_calloc(1, sizeof *w);
    const uint8_t *bytes = job->map.data;
    size_t n = job->map.n_bytes;
    enum ut_status st;

    if (!w)
        return ut_error_set(job->err, UT_ENOMEM, "%s: out of memory", path_of(job));
    w->path = path_of(job);
    if (job->format == FORMAT_GGML) {
        st = read_ggml(w, job);
    } else if (job->format == FORMAT_CT2) {
        st = ut_ct2_read(&w->bag, bytes, n, w->path, job->err);
        w->naming = UT_NAMING_CT2;
        w->encoder.n_heads = read_heads(&w->bag, "encoder/num_heads");
        w->decoder.n_heads = read_heads(&w->bag, "decoder/num_heads");
        if (st == UT_OK)
            st = read_beside(w, job);
    } else {
        st = ut_safetensors_read(&w->bag, bytes, n, w->path, job->err);
        if (st == UT_OK && is_silero(&w->bag)) {
            st = write_silero(&w->bag, job);
            goto done;
        }
        w->naming = has_hf_names(&w->bag) ? UT_NAMING_HF : UT_NAMING_OPENAI;
        if (st == UT_OK)
            st = read_beside(w, job);
    }
    if (st == UT_OK)
        st = write_whisper(w, job);
done:
    ut_whisper_finish(w);
    ut_free(w);
    return st;
}

enum ut_status ut_models_import(const char *src, const char *dst,
                                const struct ut_import_options *options, struct ut_error *err)
{
    static const struct ut_import_options none;
    struct job job = { .dst = dst, .options = options ? options : &none, .err = err };
    enum ut_dtype dtype;
    enum ut_status st = find_file(&job, src);

    if (st == UT_OK && job.options->type)
        st = ut_models_parse_type(&dtype, job.options->type, err);
    if (st == UT_OK)
        st = ut_file_map_open(&job.map, path_of(&job), err);
    if (st == UT_OK)
        st = sniff(&job);
    if (st == UT_OK && job.format == FORMAT_GGUF)
        st = ut_models_quantize(path_of(&job), dst, job.options->type, &job.options->progress, err);
    else if (st == UT_OK)
        st = import_foreign(&job);
    ut_file_map_close(&job.map);
    ut_buffer_finish(&job.file);
    ut_buffer_finish(&job.folder);
    return st;
}
