package kql

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"

	"github.com/kustash/kustash/pipeline"
)

var hashFunctions = map[string]*builtin{
	"hash_sha256": {min: 1, max: 1, typ: always(pipeline.String), nulls: true, call: func(a []Value) (Value, error) {
		sum := sha256.Sum256([]byte(text(a[0])))
		return hex.EncodeToString(sum[:]), nil
	}},
	"hash_md5": {min: 1, max: 1, typ: always(pipeline.String), nulls: true, call: func(a []Value) (Value, error) {
		sum := md5.Sum([]byte(text(a[0])))
		return hex.EncodeToString(sum[:]), nil
	}},
}

// hash spreads values evenly and stays the same between runs. It is not the
// service's function, which may change between versions (documented), so no
// one may depend on its values.
func hash(args []Value) (Value, error) {
	f := fnv.New64a()
	f.Write([]byte(text(args[0])))
	h := f.Sum64()
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	if len(args) == 1 {
		return int64(h), nil
	}
	n, ok := asInt(plain(args[1]))
	if !ok || n <= 0 {
		return nil, nil
	}
	return int64(h % uint64(n)), nil
}
