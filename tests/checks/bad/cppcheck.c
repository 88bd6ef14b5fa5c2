/* cppcheck must find: a loop that goes one past the end. */
int sum_numbers(void);
int sum_numbers(void)
{
    static const int numbers[3] = { 1, 2, 3 };
    int sum = 0;
    for (int i = 0; i <= 3; i++) {
        sum += numbers[i];
    }
    return sum;
}
