// SPDX-License-Identifier: GPL-2.0
/*
 * What the gauge of instructions needs inside of a kernel, and the product does
 * not: built against that kernel, beside it, and loaded by tools/bench/icount.
 *
 * /sys/module/icount/parameters/nothing: 1 registers a backend of frontswap
 * that accepts each page, and keeps none.  What a page then costs is what the
 * kernel itself does to swap it out and in with a backend; pages come back with
 * whatever their frame held before.
 *
 * /sys/kernel/debug/icount/lzo: write a page, then read what that page costs to
 * compress and to decompress: by a bare call of the library, and through the
 * crypto API, called as zcache does it.  Interrupts are off meanwhile, and the
 * time stamp counter counts instructions, so the figures are exact.
 */
#include <crypto/acompress.h>
#include <linux/crypto.h>
#include <linux/debugfs.h>
#include <linux/frontswap.h>
#include <linux/lzo.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/tsc.h>

/* An incompressible page grows. */
#define OUT_SIZE	(2 * PAGE_SIZE)

/*
 * a backend that keeps nothing
 */

static int nothing_store(unsigned int type, pgoff_t offset, struct page *page)
{
	return FRONTSWAP_STORED;
}

static int nothing_load(unsigned int type, pgoff_t offset, struct folio *folio,
			struct page *page, unsigned int flags)
{
	return flags & FRONTSWAP_MAY_EXCL ? FRONTSWAP_EXCLUSIVE : 0;
}

static void nothing_invalidate(unsigned int type, pgoff_t offset)
{
}

static const struct frontswap_ops nothing_ops = {
	.owner = THIS_MODULE,
	.store = nothing_store,
	.load = nothing_load,
	.invalidate = nothing_invalidate,
};

static bool nothing;

static int nothing_set(const char *val, const struct kernel_param *kp)
{
	bool on;
	int err;

	err = kstrtobool(val, &on);
	if (err || on == nothing)
		return err;
	err = on ? frontswap_register_ops(&nothing_ops) :
		   frontswap_unregister_ops(&nothing_ops);
	if (!err)
		nothing = on;
	return err;
}

static const struct kernel_param_ops nothing_param = {
	.set = nothing_set,
	.get = param_get_bool,
};

module_param_cb(nothing, &nothing_param, &nothing, 0644);
MODULE_PARM_DESC(nothing, "accept swap pages, and keep none");

/*
 * the compressor, with and without the crypto API
 */

/**
 * struct lzo_bench - a page, and what it costs
 * @lock: one at a time
 * @page: the page
 * @back: where it is decompressed to
 * @out: compressed bytes
 * @work: what the library needs to compress
 * @tfm: the crypto API's compressor
 * @req: its request
 * @wait: as in zcache
 * @len: number of compressed bytes
 * @cost: instructions, in the order in which lzo_show() has them
 */
struct lzo_bench {
	struct mutex lock;	/* see above */
	struct page *page;
	struct page *back;
	void *out;
	void *work;
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	struct crypto_wait wait;
	size_t len;
	u64 cost[5];
};

static struct lzo_bench bench;

/* The function that zram calls. */
static int lib_compress(struct lzo_bench *b)
{
	b->len = OUT_SIZE;
	return lzo1x_1_compress(page_address(b->page), PAGE_SIZE, b->out,
				&b->len, b->work);
}

/* The one that the crypto API's compressor calls: it minds the buffer's end. */
static int lib_compress_safe(struct lzo_bench *b)
{
	b->len = OUT_SIZE;
	return lzo1x_1_compress_safe(page_address(b->page), PAGE_SIZE, b->out,
				     &b->len, b->work);
}

static int lib_decompress(struct lzo_bench *b)
{
	size_t len = PAGE_SIZE;

	return lzo1x_decompress_safe(b->out, b->len, page_address(b->back),
				     &len);
}

static int api_compress(struct lzo_bench *b)
{
	struct scatterlist src, dst;
	int err;

	sg_init_table(&src, 1);
	sg_set_page(&src, b->page, PAGE_SIZE, 0);
	sg_init_one(&dst, b->out, OUT_SIZE);
	acomp_request_set_params(b->req, &src, &dst, PAGE_SIZE, OUT_SIZE);
	err = crypto_wait_req(crypto_acomp_compress(b->req), &b->wait);
	b->len = b->req->dlen;
	return err;
}

static int api_decompress(struct lzo_bench *b)
{
	struct scatterlist src, dst;

	sg_init_one(&src, b->out, b->len);
	sg_init_table(&dst, 1);
	sg_set_page(&dst, b->back, PAGE_SIZE, 0);
	acomp_request_set_params(b->req, &src, &dst, b->len, PAGE_SIZE);
	return crypto_wait_req(crypto_acomp_decompress(b->req), &b->wait);
}

static int (*const lzo_step[])(struct lzo_bench *b) = {
	lib_compress, lib_compress_safe, api_compress,
	lib_decompress, api_decompress,
};

#define FIRST_DECOMPRESS	3

static int no_step(struct lzo_bench *b)
{
	return 0;
}

static u64 step_cost(struct lzo_bench *b, int (*step)(struct lzo_bench *b),
		     int *err)
{
	unsigned long flags;
	u64 t;

	local_irq_save(flags);
	t = rdtsc_ordered();
	*err = step(b);
	t = rdtsc_ordered() - t;
	local_irq_restore(flags);
	return t;
}

/* Returns 0, or -EIO if a step failed or the page did not come back. */
static int lzo_run(struct lzo_bench *b)
{
	unsigned int i;
	u64 clock;
	int err;

	for (i = 0; i < ARRAY_SIZE(lzo_step); i++) {
		memset(page_address(b->back), 0, PAGE_SIZE);
		/* first to warm up: TCG ends some translations early */
		step_cost(b, lzo_step[i], &err);
		clock = step_cost(b, no_step, &err);
		b->cost[i] = step_cost(b, lzo_step[i], &err) - clock;
		if (err)
			return -EIO;
		if (i >= FIRST_DECOMPRESS &&
		    memcmp(page_address(b->back), page_address(b->page),
			   PAGE_SIZE))
			return -EIO;
	}
	return 0;
}

static int lzo_show(struct seq_file *m, void *unused)
{
	struct lzo_bench *b = &bench;
	unsigned int i;

	mutex_lock(&b->lock);
	seq_printf(m, "%zu", b->len);
	for (i = 0; i < ARRAY_SIZE(b->cost); i++)
		seq_printf(m, " %llu", b->cost[i]);
	seq_putc(m, '\n');
	mutex_unlock(&b->lock);
	return 0;
}

static int lzo_open(struct inode *inode, struct file *file)
{
	return single_open(file, lzo_show, NULL);
}

static ssize_t lzo_write(struct file *file, const char __user *from,
			 size_t len, loff_t *pos)
{
	struct lzo_bench *b = &bench;
	int err;

	if (len != PAGE_SIZE)
		return -EINVAL;
	mutex_lock(&b->lock);
	err = copy_from_user(page_address(b->page), from, len) ? -EFAULT :
								 lzo_run(b);
	mutex_unlock(&b->lock);
	return err ? err : len;
}

static const struct file_operations lzo_fops = {
	.owner = THIS_MODULE,
	.open = lzo_open,
	.read = seq_read,
	.write = lzo_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static void lzo_free(struct lzo_bench *b)
{
	if (b->req)
		acomp_request_free(b->req);
	if (!IS_ERR_OR_NULL(b->tfm))
		crypto_free_acomp(b->tfm);
	vfree(b->work);
	kfree(b->out);
	if (b->back)
		__free_page(b->back);
	if (b->page)
		__free_page(b->page);
}

static int lzo_alloc(struct lzo_bench *b)
{
	mutex_init(&b->lock);
	b->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	b->back = alloc_page(GFP_KERNEL | __GFP_ZERO);
	b->out = kmalloc(OUT_SIZE, GFP_KERNEL);
	b->work = vmalloc(LZO1X_1_MEM_COMPRESS);
	b->tfm = crypto_alloc_acomp("lzo", 0, 0);
	if (!b->page || !b->back || !b->out || !b->work || IS_ERR(b->tfm))
		return -ENOMEM;
	b->req = acomp_request_alloc(b->tfm);
	if (!b->req)
		return -ENOMEM;
	crypto_init_wait(&b->wait);
	acomp_request_set_callback(b->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				   crypto_req_done, &b->wait);
	return 0;
}

static struct dentry *icount_dir;

static int __init icount_init(void)
{
	int err = lzo_alloc(&bench);

	if (err) {
		lzo_free(&bench);
		return err;
	}
	icount_dir = debugfs_create_dir("icount", NULL);
	debugfs_create_file("lzo", 0600, icount_dir, NULL, &lzo_fops);
	return 0;
}

static void __exit icount_exit(void)
{
	debugfs_remove(icount_dir);
	lzo_free(&bench);
}

module_init(icount_init);
module_exit(icount_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For the benchmark of ramster: a gauge of instructions");
