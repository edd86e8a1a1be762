package views

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// The marks at which the installer's page is cut into pieces.
const (
	stepsHere  = "<!--steps-->"
	resultHere = "<!--result-->"
)

// InstallStart is the installer's page up to its list of steps. It leaves the
// list open: any number of [InstallStep] and one [InstallEnd] must follow.
func InstallStart(p InstallPage) templ.Component {
	return piece(p, func(before, _, _ string) string { return before })
}

// InstallEnd closes the list of steps, says how it went and closes the page.
// After success static/app.js calls BX24.installFinish, once.
func InstallEnd(r InstallResult) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		result := installed(r)
		if r.Failed {
			result = notInstalled(r)
		}
		return templ.Join(
			piece(r.InstallPage, func(_, between, _ string) string { return between }),
			result,
			piece(r.InstallPage, func(_, _, after string) string { return after }),
		).Render(ctx, w)
	})
}

// piece renders the installer's page and writes the part that take chooses.
func piece(p InstallPage, take func(before, between, after string) string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var page strings.Builder
		if err := installer(p).Render(ctx, &page); err != nil {
			return err
		}
		before, rest, _ := strings.Cut(page.String(), stepsHere)
		between, after, _ := strings.Cut(rest, resultHere)
		_, err := io.WriteString(w, take(before, between, after))
		return err
	})
}

// mark writes a comment where the page will be cut.
func mark(here string) templ.Component { return templ.Raw(here) }

func (s Step) state() string {
	if s.Failed {
		return s.L.T("step.failed")
	}
	return s.L.T("step.done")
}
