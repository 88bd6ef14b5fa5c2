#include "image.h"

static const struct {
    const char *name;
    enum image_class class;
} verdicts[IMAGE_VERDICT_COUNT] = {
    [IMAGE_UNASKED] = { "unasked", IMAGE_CLASS_ASK },
    [IMAGE_FOUND] = { "found", IMAGE_CLASS_GOOD },
    [IMAGE_ABSENT] = { "absent", IMAGE_CLASS_BAD },
    [IMAGE_NO_ACCESS] = { "no access", IMAGE_CLASS_BAD },
    [IMAGE_LOGIN_REFUSED] = { "login refused", IMAGE_CLASS_BAD },
    [IMAGE_OTHER_PLATFORM] = { "other platform", IMAGE_CLASS_BAD },
    [IMAGE_NOT_RUNNABLE] = { "not runnable", IMAGE_CLASS_BAD },
    [IMAGE_UNCHECKED] = { "unchecked", IMAGE_CLASS_BLIND },
    [IMAGE_THROTTLED] = { "throttled", IMAGE_CLASS_LATER },
    [IMAGE_UNREACHABLE] = { "unreachable", IMAGE_CLASS_LATER },
};

enum image_class image_class_of(enum image_verdict verdict)
{
    return verdicts[verdict].class;
}

const char *image_verdict_name(enum image_verdict verdict)
{
    return verdicts[verdict].name;
}

const char *image_cpu_name(enum image_cpu cpu)
{
    return cpu == IMAGE_ARM64 ? "arm64" : "amd64";
}
