package main

import (
	"errors"
	"testing"

	"callwise/app/callflow"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

func TestSettingsChangedAtOnceAreAllKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		portal := r.stored()
		var group errgroup.Group
		want := map[string]int64{}
		for _, extension := range []string{"701", "702", "703"} {
			want[extension] = omar
			group.Go(func() error {
				return r.house.flow.ChangeSettings(t.Context(), portal.ID, admin, map[string]string{"extensions/" + extension: "18"})
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		got := r.stored()
		if diff := cmp.Diff(want, got.Settings.Extensions); diff != "" {
			t.Errorf("extensions (-want +got):\n%s", diff)
		}
		if got.SettingsVersion != portal.SettingsVersion+3 {
			t.Errorf("version %d, want three more than %d", got.SettingsVersion, portal.SettingsVersion)
		}
		for path, tt := range map[string]struct {
			value string
			want  error
		}{"extensions/701": {"18", nil}, "missed/deadline": {"soon", callflow.ErrNoChoice}} {
			err := r.house.flow.ChangeSettings(t.Context(), portal.ID, admin, map[string]string{path: tt.value})
			if !errors.Is(err, tt.want) || r.stored().SettingsVersion != got.SettingsVersion {
				t.Errorf("%s: %v, want %v and no new version", path, err, tt.want)
			}
		}
	})
}
