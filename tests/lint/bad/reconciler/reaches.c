#include "../state/store.h"

#include <sqlite3.h>
