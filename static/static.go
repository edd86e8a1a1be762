// Package static holds what browsers load beside the pages: the style sheets,
// the scripts, and the vendored htmx with its licence. Everything is part of the
// binary; nothing comes from another host.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed *.css *.js icon.svg vendor/htmx vendor/lucide/LICENSE vendor/lucide/VERSION
var files embed.FS

// Handler serves the files. Strip "/static/" before it. Browsers ask each time
// whether a file is still the same (a strong ETag), so that a new version of
// the program never meets an old script.
func Handler() http.Handler {
	tags := etags()
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag, ok := tags[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		server.ServeHTTP(w, r)
	})
}

// etags hashes every file once; embedded files have no time of change.
func etags() map[string]string {
	tags := map[string]string{}
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		sum := sha256.Sum256(content)
		tags[path] = `"` + hex.EncodeToString(sum[:12]) + `"`
		return err
	})
	if err != nil {
		panic(err) // a part of the binary cannot be read
	}
	return tags
}
