package views

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK")
	if dir == "" {
		t.Skip()
	}
	routes := map[string]http.HandlerFunc{}
	var names []string
	for _, lang := range []string{"en", "ru"} {
		for _, s := range shots(ForLang(lang)) {
			name := s.name + "." + lang
			if only := os.Getenv("ONLY"); only != "" && !strings.Contains(","+only+",", ","+name+",") {
				continue
			}
			names = append(names, name)
			routes["GET /page/"+name] = show(s.page)
		}
	}
	address := serve(t, routes)
	for _, width := range []int64{1280, 400, 1500} {
		tab := openTab(t, width, 900)
		for _, name := range names {
			tab.do(t, chromedp.Navigate(address+"/page/"+name))
			shot, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			full, _ := png.Decode(bytes.NewReader(shot))
			for y, n := 0, 0; y < full.Bounds().Dy(); y, n = y+1500, n+1 {
				f, _ := os.Create(fmt.Sprintf("%s/%s.%d.%d.png", dir, name, width, n))
				png.Encode(f, full.(interface{ SubImage(image.Rectangle) image.Image }).SubImage(image.Rect(0, y, full.Bounds().Dx(), min(y+1500, full.Bounds().Dy()))))
				f.Close()
			}
		}
	}
}
