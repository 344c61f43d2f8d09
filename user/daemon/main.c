/* SPDX-License-Identifier: GPL-2.0 */
/* evenkeeld: the controller. Packets do not need it: what is pinned forwards without. */
#include <signal.h>
#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/options.h"
#include "evenkeel/ctl.h"

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options options;
	int err, status = options_parse(&options, argc, argv);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	err = daemon_open(&d, &options);
	if (!err)
		err = daemon_run(&d);
	daemon_close(&d);
	return err ? EK_EXIT_REFUSED : EK_EXIT_DONE;
}
