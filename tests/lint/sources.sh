# Sourced: sources [ROOT] lists the C files of the project below ROOT.
sources() {
    find "${1:-.}" -name build -prune -o -name 'build-*' -prune -o \
        \( -name '*.c' -o -name '*.h' -o -name '*.def' \) -print | sort
}
