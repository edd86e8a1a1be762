package main

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A room is one package's place in the house.
type room struct {
	floor   int
	imports string // the packages of ours that its code may import
}

// layout is the import map of the house. Imports point down, and only along
// the arrows that are written here. What no room names, only tests may import:
// b24sim reaches the program through the demo alone, modelstest not at all.
var layout = map[string]room{
	"app":      {5, "app/jobs handlers app/demo app/callflow models app/b24 app/pbx/kamailio app/pbx/pbxsim app/pbx app/rules app/call app/crm views static migrations"},
	"app/jobs": {4, "app/callflow models app/b24 app/pbx app/rules app/call app/crm"},
	"handlers": {4, "app/callflow models app/b24 app/pbx app/rules app/call app/crm views static"},
	"app/demo": {4, "app/b24/b24sim app/pbx/pbxsim app/pbx app/rules app/call app/crm views static"},

	"app/callflow":      {3, "models app/b24 app/pbx app/rules app/reach app/call app/crm"},
	"app/pbx/kamailio":  {3, "app/pbx/pbxsim app/call"}, // a PBX like others: it knows the PBX API and nothing behind it
	"models/modelstest": {3, "models app/rules app/call app/crm migrations"},

	"models":         {2, "app/rules app/call app/crm migrations"}, // rules, call, crm: types of columns
	"app/b24":        {2, "app/reach app/call app/crm"},
	"app/b24/b24sim": {2, "app/call app/crm"}, // not b24: it must not share the client's mistakes
	"app/pbx":        {2, "app/call app/crm"},
	"app/pbx/pbxsim": {2, "app/call"}, // not pbx: it must not share the server's mistakes

	"app/rules": {1, "app/call app/crm"},

	"app/call":   {0, ""},
	"app/crm":    {0, ""},
	"app/reach":  {0, ""},
	"views":      {0, ""},
	"static":     {0, ""},
	"migrations": {0, ""},
}

// forTests is what tests may import besides, from floor 2 on: below, there is
// nothing that a test could need from above.
var forTests = []string{"app/b24", "app/b24/b24sim", "models/modelstest"}

// pure are the rooms whose functions depend on their arguments only.
var pure = []string{"app/call", "app/crm", "app/rules"}

// topLevel is what the customer wants to see first, and what tools demand;
// tools and people look for SECURITY.md beside the README.
var (
	topLevel = strings.Fields("app views static handlers models migrations go.mod go.sum Dockerfile README.md")
	tools    = strings.Fields(".ci .dockerignore .git .gitignore Makefile SECURITY.md staticcheck.conf")
)

func TestImportsFollowTheMap(t *testing.T) {
	for _, f := range sources(t) {
		here, known := layout[f.room]
		if !known {
			t.Errorf("%s: package %s is not on the map", f.path, f.room)
			continue
		}
		allowed := strings.Fields(here.imports)
		if f.test {
			allowed = append(allowed, f.room) // by package x_test
		}
		if f.test && here.floor >= 2 {
			allowed = append(allowed, forTests...)
		}
		for _, imported := range f.imports {
			ours, ok := strings.CutPrefix(imported, "callwise/")
			if ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s: %s may not import %s", f.path, f.room, ours)
			}
		}
	}
}

func TestTheMapPointsDown(t *testing.T) {
	for name, from := range layout {
		for _, below := range strings.Fields(from.imports) {
			to, known := layout[below]
			if !known {
				t.Errorf("%s may import %s, which is not on the map", name, below)
			}
			if to.floor >= from.floor {
				t.Errorf("%s on floor %d may import %s on floor %d", name, from.floor, below, to.floor)
			}
		}
	}
}

func TestEveryRoomOfTheMapIsThere(t *testing.T) {
	there := map[string]bool{}
	for _, f := range sources(t) {
		there[f.room] = there[f.room] || !f.test
	}
	for name := range layout {
		if !there[name] {
			t.Errorf("%s is on the map, but holds no code", name)
		}
	}
}

func TestPurePackagesDependOnTheirArgumentsOnly(t *testing.T) {
	outside := strings.Fields("context crypto/rand database io/fs io/ioutil log math/rand net os syscall")
	clock := strings.Fields("After AfterFunc Local NewTicker NewTimer Now Since Sleep Tick Until")
	for _, f := range sources(t) {
		if f.test || !slices.Contains(pure, f.room) {
			continue
		}
		for _, imported := range f.imports {
			if slices.ContainsFunc(outside, func(p string) bool { return within(imported, p) }) {
				t.Errorf("%s: imports %s", f.path, imported)
			}
		}
		for _, name := range f.selected("time") {
			if slices.Contains(clock, name) {
				t.Errorf("%s: asks the clock: time.%s", f.path, name)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	comments := map[string]int{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		comments[f.room] += 0
		// A comment that touches `package` is printed by go doc, whatever it was meant for.
		if doc := f.syntax.Doc.Text(); doc != "" {
			comments[f.room]++
			name := f.syntax.Name.Name
			if name != "main" && !strings.HasPrefix(doc, "Package "+name+" ") {
				t.Errorf("%s: the comment above the package clause does not begin with %q", f.path, "Package "+name)
			}
		}
	}
	for name, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments instead of one", name, n)
		}
	}
}

func TestTopLevelIsTheCustomers(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	for _, name := range topLevel {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
	patterns := ignored(t)
	for _, name := range names {
		stray := slices.ContainsFunc(patterns, func(pattern string) bool {
			match, err := path.Match(pattern, name)
			return match || err != nil
		})
		if !slices.Contains(topLevel, name) && !slices.Contains(tools, name) && !stray {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

// ignored is what .gitignore says of the top level.
func ignored(t *testing.T) []string {
	file, err := os.Open("../.gitignore")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var patterns []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimPrefix(lines.Text(), "/")
		if line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// A source is one Go file of the module.
type source struct {
	path    string // from the module's root
	room    string
	test    bool
	imports []string
	syntax  *ast.File
}

// selected lists the names that f takes from an imported package.
func (f source) selected(imported string) []string {
	local := path.Base(imported)
	for _, spec := range f.syntax.Imports {
		if spec.Path.Value == strconv.Quote(imported) && spec.Name != nil {
			local = spec.Name.Name
		}
	}
	var names []string
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
				names = append(names, s.Sel.Name)
			}
		}
		return true
	})
	return names
}

// sources parses every Go file of the module that the go command would find.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(base) != ".go" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
			return nil
		}
		f, err := parse(name)
		all = append(all, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func parse(name string) (source, error) {
	syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	f := source{path: name, room: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}

// within reports whether pkg is the package or folder parent, or below it.
func within(pkg, parent string) bool {
	return pkg == parent || strings.HasPrefix(pkg, parent+"/")
}
