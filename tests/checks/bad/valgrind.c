/* Memcheck must find: memory that nobody knows of any more. */
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *lost = malloc(16);
    if (lost == NULL) return 1;
    memset(lost, 'x', 16);
    int is_text = lost[0] == 'x';
    lost = NULL;
    return is_text ? 0 : 1;
}
