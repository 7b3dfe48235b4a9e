#!/bin/sh
# embed.sh FILE… - writes C to standard output: each file as an array of bytes, and the table of them
# that src/schema/json/metaschemas.h declares, by the file's name without its folder and ending.
set -eu

table=
n=0
echo '#include "schema/json/metaschemas.h"'
for file in "$@"; do
	name=${file##*/}
	echo "static const unsigned char file_$n[] = {"
	od -An -v -tu1 "$file" | sed 's/^  *//; s/  */,/g; s/$/,/'
	echo '};'
	table="$table{\"${name%.*}\", file_$n, sizeof file_$n}, "
	n=$((n + 1))
done
echo "const struct js_embedded js_metaschema_files[] = {$table{0}};"
