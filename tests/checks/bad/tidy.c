/* clang-tidy must find: one side of the comparison twice. */
#include <stdbool.h>

bool is_in_order(const int *numbers);
bool is_in_order(const int *numbers)
{
    return numbers[0] < numbers[1] && numbers[0] < numbers[1];
}
