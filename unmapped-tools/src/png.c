// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file is a signature and chunks (length, name, data, CRC of name and data),
 * numbers with the highest byte first; the data are compressed by zlib.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "font.h"
#include "png.h"

static const unsigned char signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

void picture_create(struct picture *picture, unsigned int width, unsigned int height,
		    const struct colour *palette, unsigned int nr_colours)
{
	*picture = (struct picture) {
		.width = width, .height = height, .palette = palette, .nr_colours = nr_colours,
		.pixels = xcalloc((size_t)width * height, 1),
	};
}

void picture_free(struct picture *picture)
{
	free(picture->pixels);
	picture->pixels = NULL;
}

void picture_fill(struct picture *picture, unsigned int x, unsigned int y, unsigned int width,
		  unsigned int height, unsigned char colour)
{
	for (unsigned int row = y; row < y + height && row < picture->height; row++)
		for (unsigned int column = x; column < x + width && column < picture->width;
		     column++)
			picture->pixels[(size_t)row * picture->width + column] = colour;
}

void picture_text(struct picture *picture, unsigned int x, unsigned int y, const char *text,
		  unsigned char colour)
{
	for (; *text; text++, x += FONT_WIDTH)
		for (unsigned int row = 0; row < FONT_HEIGHT; row++)
			for (unsigned int column = 0; column < FONT_WIDTH; column++)
				if (font_pixel(*text, column, row))
					picture_fill(picture, x + column, y + row, 1, 1, colour);
}

static void put_number(unsigned char *bytes, uLong number)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (unsigned char)(number >> (24 - 8 * i));
}

static bool write_chunk(FILE *file, const char *name, const unsigned char *data, size_t size)
{
	unsigned char head[8], tail[4];
	uLong crc;

	put_number(head, size);
	memcpy(head + 4, name, 4);
	crc = crc32(0, head + 4, 4);
	if (size)
		crc = crc32(crc, data, (uInt)size);
	put_number(tail, crc);
	return fwrite(head, sizeof(head), 1, file) == 1 &&
	       (!size || fwrite(data, size, 1, file) == 1) &&
	       fwrite(tail, sizeof(tail), 1, file) == 1;
}

static bool write_header(FILE *file, const struct picture *picture)
{
	/* width, height; 8 bits of a palette, the one compression, no interlacing */
	unsigned char header[13] = { [8] = 8, [9] = 3 };

	put_number(header, picture->width);
	put_number(header + 4, picture->height);
	return write_chunk(file, "IHDR", header, sizeof(header));
}

static bool write_palette(FILE *file, const struct picture *picture)
{
	unsigned char bytes[256 * 3];

	for (unsigned int i = 0; i < picture->nr_colours; i++) {
		bytes[3 * i] = picture->palette[i].red;
		bytes[3 * i + 1] = picture->palette[i].green;
		bytes[3 * i + 2] = picture->palette[i].blue;
	}
	return write_chunk(file, "PLTE", bytes, 3 * (size_t)picture->nr_colours);
}

/* Each line begins with the number of its filter: none. */
static bool write_pixels(FILE *file, const struct picture *picture)
{
	size_t line = (size_t)picture->width + 1;
	size_t size = line * picture->height;
	unsigned char *raw = xcalloc(size, 1);
	uLongf room = compressBound(size);
	unsigned char *packed = xcalloc(room, 1);
	bool written;

	for (unsigned int y = 0; y < picture->height; y++)
		memcpy(raw + y * line + 1, picture->pixels + (size_t)y * picture->width,
		       picture->width);
	written = compress2(packed, &room, raw, size, Z_BEST_COMPRESSION) == Z_OK &&
		  write_chunk(file, "IDAT", packed, room);
	free(packed);
	free(raw);
	return written;
}

bool png_write(const struct picture *picture, FILE *file)
{
	return fwrite(signature, sizeof(signature), 1, file) == 1 &&
	       write_header(file, picture) && write_palette(file, picture) &&
	       write_pixels(file, picture) && write_chunk(file, "IEND", NULL, 0) &&
	       !fflush(file);
}
