package migrations

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBothDialectsHaveTheSameMigrations(t *testing.T) {
	postgres, err := Versions(Postgres)
	if err != nil {
		t.Fatal(err)
	}
	sqlite, err := Versions(SQLite)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(postgres, sqlite); diff != "" {
		t.Errorf("versions (-postgres +sqlite):\n%s", diff)
	}
	for i, version := range postgres {
		if version != int64(i+1) {
			t.Errorf("version %d stands where %d should", version, i+1)
		}
	}
}
