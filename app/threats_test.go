package main

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedTest  = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	namedRoute = regexp.MustCompile("`((?:GET|HEAD|POST|PUT|DELETE|PATCH) /[^`]*)`")
)

func named(what *regexp.Regexp, text string) []string {
	var all []string
	for _, found := range what.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// testsOfTheHouse are the names of all tests and fuzz targets.
func testsOfTheHouse(t *testing.T) []string {
	var all []string
	for _, f := range sources(t) {
		for _, declared := range f.syntax.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && f.test && function.Recv == nil {
				all = append(all, function.Name.Name)
			}
		}
	}
	return all
}

func TestTheThreatModelNamesEveryEntryPointAndNoTestThatIsGone(t *testing.T) {
	file, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	text, there := string(file), testsOfTheHouse(t)
	for _, name := range named(namedTest, text) {
		if !slices.Contains(there, name) {
			t.Errorf("%s is named, and there is no such test", name)
		}
	}
	for _, name := range there {
		if strings.HasPrefix(name, "Fuzz") && !slices.Contains(named(namedTest, text), name) {
			t.Errorf("%s is not named", name)
		}
	}
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	routes, written := r.routes(), named(namedRoute, text)
	for _, route := range routes {
		if !slices.Contains(written, route) {
			t.Errorf("%s is not in the threat model", route)
		}
	}
	for _, route := range written {
		if !slices.Contains(routes, route) {
			t.Errorf("%s is in the threat model, and there is no such route", route)
		}
	}
}
