// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-comp: compress and decompress single pages through the crypto API.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <crypto/acompress.h>
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
 * @lock: held between zcache_comp_begin() and zcache_comp_end()
 * @tfm: the compressor
 * @req: its only request
 * @wait: where an asynchronous compressor says that it has finished
 * @buffer: compressed bytes, ZCACHE_COMP_BUFFER of them
 */
struct zcache_comp_ctx {
	struct mutex lock;	/* see above */
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	struct crypto_wait wait;
	void *buffer;
};

struct zcache_comp {
	struct zcache_comp_ctx __percpu *ctx;
};

static void comp_ctx_exit(struct zcache_comp_ctx *ctx)
{
	kfree(ctx->buffer);
	if (ctx->req)
		acomp_request_free(ctx->req);
	if (!IS_ERR_OR_NULL(ctx->tfm))
		crypto_free_acomp(ctx->tfm);
	mutex_destroy(&ctx->lock);
}

static int comp_ctx_init(struct zcache_comp_ctx *ctx, const char *name, int cpu)
{
	int node = cpu_to_node(cpu);

	mutex_init(&ctx->lock);
	ctx->tfm = crypto_alloc_acomp_node(name, 0, 0, node);
	if (IS_ERR(ctx->tfm))
		return PTR_ERR(ctx->tfm);

	ctx->req = acomp_request_alloc(ctx->tfm);
	ctx->buffer = kmalloc_node(ZCACHE_COMP_BUFFER, GFP_KERNEL, node);
	if (!ctx->req || !ctx->buffer)
		return -ENOMEM;

	crypto_init_wait(&ctx->wait);
	acomp_request_set_callback(ctx->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				   crypto_req_done, &ctx->wait);
	return 0;
}

/**
 * zcache_comp_create - get a compressor ready on each possible CPU
 * @name: the crypto API's name of it
 *
 * Context: process; sleeps, allocates, may load a module.
 * Return: the compressor; ERR_PTR(-ENOENT) if there is none of that name;
 * ERR_PTR(-ENOMEM).
 */
struct zcache_comp *zcache_comp_create(const char *name)
{
	struct zcache_comp *comp;
	int cpu, err;

	if (!crypto_has_acomp(name, 0, 0))
		return ERR_PTR(-ENOENT);

	comp = kzalloc(sizeof(*comp), GFP_KERNEL);
	if (!comp)
		return ERR_PTR(-ENOMEM);

	comp->ctx = alloc_percpu(struct zcache_comp_ctx);
	if (!comp->ctx) {
		kfree(comp);
		return ERR_PTR(-ENOMEM);
	}

	for_each_possible_cpu(cpu) {
		err = comp_ctx_init(per_cpu_ptr(comp->ctx, cpu), name, cpu);
		if (err) {
			zcache_comp_destroy(comp);
			return ERR_PTR(err);
		}
	}
	return comp;
}

/**
 * zcache_comp_destroy - free a compressor that nobody uses any more
 * @comp: from zcache_comp_create()
 *
 * Context: process; may sleep.
 */
void zcache_comp_destroy(struct zcache_comp *comp)
{
	int cpu;

	for_each_possible_cpu(cpu)
		comp_ctx_exit(per_cpu_ptr(comp->ctx, cpu));
	free_percpu(comp->ctx);
	kfree(comp);
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
	struct zcache_comp_ctx *ctx = raw_cpu_ptr(comp->ctx);

	mutex_lock(&ctx->lock);
	return ctx;
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
	struct scatterlist src, dst;
	int err;

	lockdep_assert_held(&ctx->lock);
	sg_init_table(&src, 1);
	sg_set_page(&src, page, PAGE_SIZE, 0);
	sg_init_one(&dst, ctx->buffer, ZCACHE_COMP_BUFFER);
	acomp_request_set_params(ctx->req, &src, &dst, PAGE_SIZE,
				 ZCACHE_COMP_BUFFER);
	err = crypto_wait_req(crypto_acomp_compress(ctx->req), &ctx->wait);
	*len = ctx->req->dlen;
	return err;
}

/**
 * zcache_decompress - fill a page from compressed bytes
 * @ctx: from zcache_comp_begin()
 * @src: compressed bytes; the context's buffer or other slab memory
 * @len: number of them
 * @page: page to fill
 *
 * Context: process; may sleep; allocates nothing.
 * Return: 0; -EIO if the bytes do not decompress to just one page.
 */
int zcache_decompress(struct zcache_comp_ctx *ctx, const void *src,
		      unsigned int len, struct page *page)
{
	struct scatterlist in, out;
	int err;

	lockdep_assert_held(&ctx->lock);
	sg_init_one(&in, src, len);
	sg_init_table(&out, 1);
	sg_set_page(&out, page, PAGE_SIZE, 0);
	acomp_request_set_params(ctx->req, &in, &out, len, PAGE_SIZE);
	err = crypto_wait_req(crypto_acomp_decompress(ctx->req), &ctx->wait);
	if (err || ctx->req->dlen != PAGE_SIZE)
		return -EIO;
	return 0;
}
