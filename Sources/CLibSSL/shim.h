// OpenSSL's TLS, with functions for its macros, which Swift can't import.
#ifndef SWITCHBOARD_CLIBSSL_SHIM_H
#define SWITCHBOARD_CLIBSSL_SHIM_H

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

/// TLS 1.2 and 1.3 without renegotiation and compression; memory for records only while there is one. Returns 1 if all
/// of it is possible.
static inline int switchboard_tls_harden(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

static inline int switchboard_tls_set_groups(SSL_CTX *context, const char *groups) {
  return SSL_CTX_set1_groups_list(context, groups) == 1;
}

/// The context owns the certificate from here on, if this returns 1.
static inline int switchboard_tls_add_chain(SSL_CTX *context, X509 *certificate) {
  return SSL_CTX_add0_chain_cert(context, certificate) == 1;
}

static inline void switchboard_tls_on_server_name(SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *data) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
  SSL_CTX_set_tlsext_servername_arg(context, data);
}

static inline const char *switchboard_tls_server_name(SSL *connection) {
  return SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
}

/// Gives a connection its own reference to what it reads from and writes to.
static inline void switchboard_tls_attach(SSL *connection, BIO *bio) {
  BIO_up_ref(bio);
  SSL_set_bio(connection, bio, bio);
}

static inline void switchboard_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline void switchboard_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline int switchboard_error_reason(unsigned long error) { return ERR_GET_REASON(error); }

/// What the last failed call of the system says.
static inline const char *switchboard_system_error(void) { return strerror(errno); }

#endif
