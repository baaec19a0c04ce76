// SPDX-License-Identifier: GPL-2.0
/*
 * Gives each file that is named to the fuzz target, once, without libFuzzer: to
 * look at one in a debugger, or to see which lines a corpus reaches.
 */
#include <stdio.h>
#include "libfuzzer.h"

int main(int argc, char **argv)
{
	static uint8_t input[1 << 17];
	size_t size;
	FILE *file;
	int i;

	for (i = 1; i < argc; i++) {
		file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(input, 1, sizeof(input), file);
		fclose(file);
		LLVMFuzzerTestOneInput(input, size);
	}
	return 0;
}
