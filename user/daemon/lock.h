/* SPDX-License-Identifier: GPL-2.0 */
/* One daemon for each folder of pins. */
#ifndef EVENKEEL_DAEMON_LOCK_H
#define EVENKEEL_DAEMON_LOCK_H

/* Makes the pin folder if it is missing and locks it for the life of *fd. What is wrong is
 * logged. -EBUSY: another daemon has it. */
int pins_lock(int *fd, const char *pins);

/* Locks the folder that is there now, if it is not the one locked before: opening a data path
 * removes what a dying daemon left half made, the folder included. */
int pins_lock_again(int *fd, const char *pins);

#endif
