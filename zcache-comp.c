// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-comp: compress and decompress single pages through the crypto API.
 *
 * Each CPU that is up has a context.  It is made before the CPU comes up and
 * freed when the CPU is gone, by callbacks of the kernel's CPU hotplug.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <crypto/acompress.h>
#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/crypto.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "zcache-comp.h"

/*
 * Some compressors overrun a short output buffer rather than stop, so the
 * buffer has room for what the worst page may grow to.
 */
#define ZCACHE_COMP_BUFFER	(2 * PAGE_SIZE)

/**
 * struct zcache_comp_ctx - what one CPU needs to compress one page
 * @lock: held between zcache_comp_begin() and zcache_comp_end(); protects all
 * @tfm: the compressor
 * @req: its only request
 * @wait: where an asynchronous compressor says that it has finished
 * @page: tells the compressor of the page
 * @bytes: tells it of the compressed bytes
 * @buffer: compressed bytes, ZCACHE_COMP_BUFFER of them; NULL if the CPU is not
 *	up, and then there is nothing else either
 */
struct zcache_comp_ctx {
	struct mutex lock;	/* see above */
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	struct crypto_wait wait;
	struct scatterlist page;
	struct scatterlist bytes;
	void *buffer;
};

/**
 * struct zcache_comp - a compressor
 * @ctx: a context for each possible CPU
 * @name: the crypto API's name of it
 * @contexts: contexts that have a buffer
 * @node: place among those that are told of CPUs
 */
struct zcache_comp {
	struct zcache_comp_ctx __percpu *ctx;
	const char *name;
	atomic_t contexts;
	struct hlist_node node;
};

/* One state of CPU hotplug serves all compressors, while there is any. */
static DEFINE_MUTEX(comp_hotplug_lock);
static enum cpuhp_state comp_hotplug_state;
static unsigned int comp_hotplug_users;

/*
 * contexts
 */

static void comp_ctx_free(struct crypto_acomp *tfm, struct acomp_req *req,
			  void *buffer)
{
	kfree(buffer);
	if (req)
		acomp_request_free(req);
	crypto_free_acomp(tfm);
}

/* Nothing is allocated with a lock held that others take to free memory. */
static int comp_ctx_up(struct zcache_comp_ctx *ctx, const char *name, int node)
{
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	void *buffer;

	tfm = crypto_alloc_acomp_node(name, 0, 0, node);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	req = acomp_request_alloc(tfm);
	buffer = kmalloc_node(ZCACHE_COMP_BUFFER, GFP_KERNEL, node);
	if (!req || !buffer) {
		comp_ctx_free(tfm, req, buffer);
		return -ENOMEM;
	}
	acomp_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				   crypto_req_done, &ctx->wait);

	mutex_lock(&ctx->lock);
	crypto_init_wait(&ctx->wait);
	sg_init_table(&ctx->page, 1);
	sg_init_table(&ctx->bytes, 1);
	ctx->tfm = tfm;
	ctx->req = req;
	ctx->buffer = buffer;
	mutex_unlock(&ctx->lock);
	return 0;
}

/* Waits for a task that began on the CPU, and has moved away from it since. */
static bool comp_ctx_down(struct zcache_comp_ctx *ctx)
{
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	void *buffer;

	mutex_lock(&ctx->lock);
	tfm = ctx->tfm;
	req = ctx->req;
	buffer = ctx->buffer;
	ctx->tfm = NULL;
	ctx->req = NULL;
	ctx->buffer = NULL;
	mutex_unlock(&ctx->lock);
	if (buffer)
		comp_ctx_free(tfm, req, buffer);
	return buffer;
}

/*
 * CPUs come and go
 */

static int comp_cpu_up(unsigned int cpu, struct hlist_node *node)
{
	struct zcache_comp *comp = hlist_entry(node, struct zcache_comp, node);
	int err;

	err = comp_ctx_up(per_cpu_ptr(comp->ctx, cpu), comp->name,
			  cpu_to_node(cpu));
	if (err)
		return err;
	atomic_inc(&comp->contexts);
	return 0;
}

static int comp_cpu_down(unsigned int cpu, struct hlist_node *node)
{
	struct zcache_comp *comp = hlist_entry(node, struct zcache_comp, node);

	if (comp_ctx_down(per_cpu_ptr(comp->ctx, cpu)))
		atomic_dec(&comp->contexts);
	return 0;
}

static int comp_hotplug_get(void)
{
	int state = 0;

	mutex_lock(&comp_hotplug_lock);
	if (!comp_hotplug_users) {
		state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN,
						"staging/zcache:prepare",
						comp_cpu_up, comp_cpu_down);
		if (state > 0)
			comp_hotplug_state = state;
	}
	if (state >= 0)
		comp_hotplug_users++;
	mutex_unlock(&comp_hotplug_lock);
	return state < 0 ? state : 0;
}

static void comp_hotplug_put(void)
{
	mutex_lock(&comp_hotplug_lock);
	if (!--comp_hotplug_users)
		cpuhp_remove_multi_state(comp_hotplug_state);
	mutex_unlock(&comp_hotplug_lock);
}

static void comp_free(struct zcache_comp *comp)
{
	int cpu;

	for_each_possible_cpu(cpu)
		mutex_destroy(&per_cpu_ptr(comp->ctx, cpu)->lock);
	free_percpu(comp->ctx);
	kfree(comp);
}

static struct zcache_comp *comp_alloc(const char *name)
{
	struct zcache_comp *comp;
	int cpu;

	comp = kzalloc(sizeof(*comp), GFP_KERNEL);
	if (!comp)
		return NULL;
	comp->name = name;
	comp->ctx = alloc_percpu(struct zcache_comp_ctx);
	if (!comp->ctx) {
		kfree(comp);
		return NULL;
	}
	for_each_possible_cpu(cpu)
		mutex_init(&per_cpu_ptr(comp->ctx, cpu)->lock);
	return comp;
}

/**
 * zcache_comp_create - get a compressor ready on each CPU
 * @name: the crypto API's name of it; must stay
 *
 * Context: process; sleeps, allocates, may load a module.
 * Return: the compressor; ERR_PTR(-ENOENT) if there is none of that name;
 * ERR_PTR(-ENOMEM).
 */
struct zcache_comp *zcache_comp_create(const char *name)
{
	struct zcache_comp *comp;
	int err;

	if (!crypto_has_acomp(name, 0, 0))
		return ERR_PTR(-ENOENT);

	comp = comp_alloc(name);
	if (!comp)
		return ERR_PTR(-ENOMEM);
	err = comp_hotplug_get();
	if (err)
		goto err_free;
	err = cpuhp_state_add_instance(comp_hotplug_state, &comp->node);
	if (err)
		goto err_hotplug;
	return comp;

err_hotplug:
	comp_hotplug_put();
err_free:
	comp_free(comp);
	return ERR_PTR(err);
}

/**
 * zcache_comp_destroy - free a compressor that nobody uses any more
 * @comp: from zcache_comp_create()
 *
 * Context: process; may sleep.
 */
void zcache_comp_destroy(struct zcache_comp *comp)
{
	cpuhp_state_remove_instance(comp_hotplug_state, &comp->node);
	comp_hotplug_put();
	comp_free(comp);
}

/**
 * zcache_comp_contexts - how many CPUs have what they need
 * @comp: from zcache_comp_create()
 *
 * Context: any.
 * Return: number of contexts; it follows the number of CPUs that are up.
 */
unsigned int zcache_comp_contexts(struct zcache_comp *comp)
{
	return atomic_read(&comp->contexts);
}

/**
 * zcache_comp_begin - take this CPU's context
 * @comp: from zcache_comp_create()
 *
 * The task may move to another CPU while it has the context, which costs
 * locality and nothing else.  No allocation that reclaims, and no wait for a
 * peer, may happen before zcache_comp_end(): others wait for the context on
 * their way to freeing memory.
 *
 * Context: process; may sleep.
 * Return: the context; never fails.
 */
struct zcache_comp_ctx *zcache_comp_begin(struct zcache_comp *comp)
{
	struct zcache_comp_ctx *ctx;

	for (;;) {
		ctx = raw_cpu_ptr(comp->ctx);
		mutex_lock(&ctx->lock);
		if (likely(ctx->buffer))
			return ctx;
		/* That CPU has gone since, and so this is another one. */
		mutex_unlock(&ctx->lock);
	}
}

/**
 * zcache_comp_end - give a context back
 * @ctx: from zcache_comp_begin()
 */
void zcache_comp_end(struct zcache_comp_ctx *ctx)
{
	mutex_unlock(&ctx->lock);
}

/**
 * zcache_comp_buffer - the context's buffer for compressed bytes
 * @ctx: from zcache_comp_begin()
 *
 * Return: room for at least a page, valid until zcache_comp_end().
 */
void *zcache_comp_buffer(struct zcache_comp_ctx *ctx)
{
	lockdep_assert_held(&ctx->lock);
	return ctx->buffer;
}

/**
 * zcache_compress - compress a page into the context's buffer
 * @ctx: from zcache_comp_begin()
 * @page: what to compress
 * @len: set to the number of bytes in the buffer
 *
 * Context: process; may sleep; allocates nothing.
 * Return: 0, or the compressor's error, which means that the page cannot be
 * kept and nothing worse.
 */
int zcache_compress(struct zcache_comp_ctx *ctx, struct page *page,
		    unsigned int *len)
{
	int err;

	lockdep_assert_held(&ctx->lock);
	sg_set_page(&ctx->page, page, PAGE_SIZE, 0);
	sg_set_buf(&ctx->bytes, ctx->buffer, ZCACHE_COMP_BUFFER);
	acomp_request_set_params(ctx->req, &ctx->page, &ctx->bytes, PAGE_SIZE,
				 ZCACHE_COMP_BUFFER);
	err = crypto_wait_req(crypto_acomp_compress(ctx->req), &ctx->wait);
	*len = ctx->req->dlen;
	return err;
}

/**
 * zcache_decompress - fill a page from compressed bytes
 * @ctx: from zcache_comp_begin()
 * @src: compressed bytes; in the context's buffer, or in any other memory that
 *	is directly mapped
 * @len: number of them
 * @page: page to fill
 *
 * Context: process; may sleep; allocates nothing.
 * Return: 0; -EIO if the bytes do not decompress to just one page.
 */
int zcache_decompress(struct zcache_comp_ctx *ctx, const void *src,
		      unsigned int len, struct page *page)
{
	int err;

	lockdep_assert_held(&ctx->lock);
	sg_set_buf(&ctx->bytes, src, len);
	sg_set_page(&ctx->page, page, PAGE_SIZE, 0);
	acomp_request_set_params(ctx->req, &ctx->bytes, &ctx->page, len,
				 PAGE_SIZE);
	err = crypto_wait_req(crypto_acomp_decompress(ctx->req), &ctx->wait);
	if (err || ctx->req->dlen != PAGE_SIZE)
		return -EIO;
	return 0;
}
