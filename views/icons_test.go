package views

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var drawnIcon = regexp.MustCompile(`case "([a-z-]+)":`)

func TestIconsAreTheVendoredOnes(t *testing.T) {
	source, err := os.ReadFile("icons.templ")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range drawnIcon.FindAllStringSubmatch(string(source), -1) {
		t.Run(m[1], func(t *testing.T) {
			original, err := os.ReadFile(filepath.Join("../static/vendor/lucide", m[1]+".svg"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(shapes(t, string(original)), shapes(t, draw(t, icon(m[1])))); diff != "" {
				t.Errorf("shapes (-vendored +drawn):\n%s", diff)
			}
		})
	}
}

// shapes are the elements inside of an svg with their attributes.
func shapes(t *testing.T, svg string) []string {
	return collect(parse(t, svg), func(n *html.Node) string {
		if n.Parent == nil || n.Parent.Data != "svg" {
			return ""
		}
		parts := []string{n.Data}
		for _, a := range n.Attr {
			parts = append(parts, a.Key+"="+a.Val)
		}
		return strings.Join(parts, " ")
	})
}
