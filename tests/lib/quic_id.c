// SPDX-License-Identifier: GPL-2.0
/* For LD_PRELOAD with ngtcp2's gtlsserver: writes the server's number into the connection IDs that
 * it chooses, as a server would that knows of QUIC-LB. They are the only random things of 18 bytes
 * that it asks GnuTLS for.
 *
 *   QUIC_ID="OFFSET LENGTH NUMBER"    number most significant byte first */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define CID_LENGTH 18u

int gnutls_rnd(int level, void *data, size_t length);

static void put_number(unsigned char *cid, const char *text)
{
	unsigned int offset, length, number;

	if (sscanf(text, "%u %u %u", &offset, &length, &number) != 3 || length > 4 ||
	    offset + length > CID_LENGTH) {
		fprintf(stderr, "QUIC_ID=\"%s\" is not OFFSET LENGTH NUMBER\n", text);
		exit(2);
	}
	for (unsigned int i = length; i--; number >>= 8)
		cid[offset + i] = (unsigned char)number;
}

int gnutls_rnd(int level, void *data, size_t length)
{
	int (*next)(int, void *, size_t) =
		(int (*)(int, void *, size_t))dlsym(RTLD_NEXT, "gnutls_rnd");
	const char *text = getenv("QUIC_ID");
	int err = next ? next(level, data, length) : -1;

	if (!err && text && length == CID_LENGTH)
		put_number(data, text);
	return err;
}
