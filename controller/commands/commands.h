/*
 * commands: the sub-commands, a file each. Each returns the process's exit code.
 */
#ifndef CLUSTERKEEPER_COMMANDS_H
#define CLUSTERKEEPER_COMMANDS_H

#include "options.h"

extern const struct command command_validate;
extern const struct command command_plan;
extern const struct command command_apply;
extern const struct command command_run;
extern const struct command command_status;

#endif
