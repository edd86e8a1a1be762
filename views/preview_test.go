package views

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every page in every state can be drawn. With PREVIEW_DIR set the pages stay
// there, with style and script beside them, to be looked at in a browser.
func TestEveryPageInEveryStateCanBeDrawn(t *testing.T) {
	dir := os.Getenv("PREVIEW_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.CopyFS(filepath.Join(dir, "static"), os.DirFS("../static")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "ru"} {
		for _, s := range shots(ForLang(lang)) {
			html := strings.ReplaceAll(draw(t, s.page), `"/static/`, `"static/`)
			if err := os.WriteFile(filepath.Join(dir, s.name+"."+lang+".html"), []byte(html), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
