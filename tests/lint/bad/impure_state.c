int impure_state(void);
int impure_state(void)
{
    static int calls;
    return ++calls;
}
