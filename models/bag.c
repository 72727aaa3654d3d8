#include "models/bag.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static enum ut_status grow(struct ut_bag *bag)
{
    size_t capacity = bag->capacity ? bag->capacity * 2 : 64;
    struct ut_tensor *grown = ut_calloc(capacity, sizeof *grown);

    if (!grown)
        return UT_ENOMEM;
    if (bag->n)
        memcpy(grown, bag->tensors, bag->n * sizeof *grown);
    ut_free(bag->tensors);
    bag->tensors = grown;
    bag->capacity = capacity;
    return UT_OK;
}

/* Bytes by type and shape; the innermost dimension must be whole blocks. */
static bool size_of(const struct ut_tensor *t, size_t *bytes)
{
    size_t n = 1;

    for (int i = 0; i < t->n_dims; i++)
        if (t->dims[i] == 0 || !ut_size_mul(n, t->dims[i], &n))
            return false;
    return t->dims[t->n_dims - 1] % ut_dtype_block(t->dtype) == 0 &&
           ut_dtype_bytes(bytes, t->dtype, n) == UT_OK;
}

enum ut_status ut_bag_add(struct ut_bag *bag, const char *path, const char *name, size_t n_name,
                          const struct ut_tensor *t, size_t n_left, struct ut_error *err)
{
    struct ut_tensor copy = *t;

    if (bag->n == UT_BAG_MAX_TENSORS)
        return ut_error_set(err, UT_ELIMIT, "%s: more than %d tensors", path, UT_BAG_MAX_TENSORS);
    if (n_name == 0 || n_name > UT_BAG_MAX_NAME || memchr(name, 0, n_name))
        return ut_error_set(err, UT_EFORMAT, "%s: tensor %zu: name of %zu bytes, or with a NUL",
                            path, bag->n, n_name);
    if (copy.n_dims < 1 || copy.n_dims > UT_TENSOR_MAX_DIMS || !size_of(&copy, &copy.n_bytes))
        return ut_error_set(err, UT_EFORMAT,
                            "%s: tensor '%.*s': %d dimensions of %s [%zu, %zu, ...] make no sense",
                            path, (int)n_name, name, copy.n_dims, ut_dtype_name(copy.dtype),
                            copy.dims[0], copy.dims[1]);
    if (copy.n_bytes > n_left)
        return ut_error_set(err, UT_EFORMAT,
                            "%s: tensor '%.*s': %zu bytes of data, the file has %zu left", path,
                            (int)n_name, name, copy.n_bytes, n_left);
    if (bag->n == bag->capacity && grow(bag) != UT_OK)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for %zu tensors", path, bag->n);
    char *text = ut_alloc(n_name + 1, 1);
    if (!text)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for a name", path);
    memcpy(text, name, n_name);
    text[n_name] = 0;
    copy.name = text;
    for (int i = copy.n_dims; i < UT_TENSOR_MAX_DIMS; i++)
        copy.dims[i] = 1;
    bag->tensors[bag->n++] = copy;
    return UT_OK;
}

const struct ut_tensor *ut_bag_find(const struct ut_bag *bag, const char *name)
{
    for (size_t i = 0; i < bag->n; i++)
        if (strcmp(bag->tensors[i].name, name) == 0)
            return &bag->tensors[i];
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum ut_status ut_bag_check(const struct ut_bag *bag, const char *path, struct ut_error *err)
{
    enum ut_status st = UT_OK;
    const char **names = ut_alloc(bag->n, sizeof *names);

    if (!names)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for %zu names", path, bag->n);
    for (size_t i = 0; i < bag->n; i++)
        names[i] = bag->tensors[i].name;
    qsort(names, bag->n, sizeof *names, compare_names);
    for (size_t i = 1; i < bag->n && st == UT_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            st = ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' is there twice", path, names[i]);
    ut_free(names);
    return st;
}

void ut_bag_finish(struct ut_bag *bag)
{
    for (size_t i = 0; i < bag->n; i++)
        ut_free((void *)(size_t)bag->tensors[i].name);
    ut_free(bag->tensors);
    *bag = (struct ut_bag){ 0 };
}
