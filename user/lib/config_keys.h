/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of the configuration, a file for each kind of mapping. What cannot be read is
 * reported and left unset in the model (config_check_draft() knows), so that no mistake hides
 * another. */
#ifndef EVENKEEL_LIB_CONFIG_KEYS_H
#define EVENKEEL_LIB_CONFIG_KEYS_H

#include "lib/config_read.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* All schemas, to say where a misplaced key belongs. */
extern const struct schema config_service_schema, config_gue_schema, config_quic_schema;
extern const struct schema config_backend_schema, config_health_schema, config_capacity_schema;
extern const struct schema config_rebalance_schema, config_ask_schema;
extern const struct schema config_stage_schema, config_policy_schema;
extern const struct schema config_guards_schema, config_silence_schema;

void read_services(const struct reader *r, const struct key *key, const struct node *value,
		   void *config);
void read_stage(const struct reader *r, const struct key *key, const struct node *value,
		void *config);
void read_policy(const struct reader *r, const struct key *key, const struct node *value,
		 void *config);
void read_guards(const struct reader *r, const struct key *key, const struct node *value,
		 void *config);
void read_silences(const struct reader *r, const struct key *key, const struct node *value,
		   void *config);
void read_removed(const struct reader *r, const struct key *key, const struct node *value,
		  void *config);
void read_backends(const struct reader *r, const struct key *key, const struct node *value,
		   void *service);
void read_health(const struct reader *r, const struct key *key, const struct node *value,
		 void *service);
/* Text that fits; what does not is reported. */
void read_bounded(const struct reader *r, const struct key *key, const struct node *value,
		  char *out, size_t size);
/* The path of a URL, of at most key->max bytes. */
void read_url_path(const struct reader *r, const struct key *key, const struct node *value,
		   char *out);
/* Of a service or a backend. */
void read_capacity(const struct reader *r, const struct node *value, struct config_capacity *c);
void read_panic(const struct reader *r, const struct key *key, const struct node *value,
		void *service);
void read_on_empty(const struct reader *r, const struct key *key, const struct node *value,
		   void *service);
void read_rebalance(const struct reader *r, const struct key *key, const struct node *value,
		    void *service);
void default_rebalance(struct config_rebalance *b);
/* What holds without `health`: a connection to the first listener with tcp, if there is one. */
void default_health(const struct reader *r, struct config_service *s);

#endif
