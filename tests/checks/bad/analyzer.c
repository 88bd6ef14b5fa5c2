/* GCC's analyzer must find: memory that is given back twice, along one of two paths. */
#include <stdbool.h>
#include <stdlib.h>

void end_twice(void *memory, bool is_done);
void end_twice(void *memory, bool is_done)
{
    if (is_done) free(memory);
    free(memory);
}
