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
	if diff := cmp.Diff([]int64{1, riverVersion}, postgres); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}
