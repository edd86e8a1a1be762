package callflow

import (
	"context"
	"slices"
	"strings"

	"callwise/app/call"
	"callwise/models"
)

// Excludes reports a number whose calls an administrator does not want to be
// handled, in any spelling; country is where numbers without a country code are
// from.
func Excludes(e models.Exclusions, phone call.Phone, country string) bool {
	return numberIn(e.Numbers, phone, country)
}

// excluded reports a call that the administrator does not want to be handled,
// for its number or because nobody but excluded extensions takes part. A call
// that we have begun with is carried to its end. One that is excluded for its
// extensions is taken up when it is transferred to another, or when it is heard
// late that another took part; a recording that comes when it is over changes
// nothing.
func (w *work) excluded(ctx context.Context, over bool) (bool, error) {
	progress := &w.row.Progress
	if out, err := w.staysExcluded(over); out || err != nil {
		return out, err
	}
	if w.row.DecidedAt != nil || progress.Deferred || progress.Register.Tried {
		return false, nil
	}
	found, err := w.exclusion(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case found == models.NotExcluded && w.row.State == models.CallIgnored:
		w.row.State = models.CallOpen
	case found != models.NotExcluded && found != progress.Excluded:
		w.did("excluded_"+string(found), "")
	}
	progress.Excluded = found
	return found != models.NotExcluded, nil
}

// staysExcluded reports a call that is excluded whatever the settings say by now.
func (w *work) staysExcluded(over bool) (bool, error) {
	switch w.row.Progress.Excluded {
	case models.ByNumber, models.ByRepeat:
		return true, nil
	case models.NotExcluded:
		return false, nil
	}
	if !over {
		return false, nil
	}
	joined, err := w.othersJoined()
	return !joined, err
}

// othersJoined reports that an extension takes part which is not excluded, and of
// which nothing was told before this round: events come in any order.
func (w *work) othersJoined() (bool, error) {
	isNew := func(e models.Event) bool { return e.DoneAt == nil }
	told, err := tellAll(slices.DeleteFunc(slices.Clone(w.events), isNew))
	if err != nil {
		return false, err
	}
	known := append(tookPart(call.Fold(told)), w.portal.Settings.Exclusions.Extensions...)
	stranger := func(extension string) bool { return !slices.Contains(known, extension) }
	return slices.ContainsFunc(tookPart(w.call), stranger), nil
}

func (w *work) exclusion(ctx context.Context) (models.Exclusion, error) {
	excluded := w.portal.Settings.Exclusions
	if numberIn(excluded.Numbers, w.phone, w.portal.Country()) {
		return models.ByNumber, nil
	}
	if len(excluded.Extensions) == 0 {
		return models.NotExcluded, nil
	}
	taking, err := w.participants(ctx)
	if err != nil {
		return models.NotExcluded, err
	}
	strange := func(extension string) bool { return !slices.Contains(excluded.Extensions, extension) }
	if len(taking) > 0 && !slices.ContainsFunc(taking, strange) {
		return models.ByExtension, nil
	}
	return models.NotExcluded, nil
}

// participants are all extensions that rang or talked; while the PBX has told
// none, that of the user whom Bitrix24 names.
func (w *work) participants(ctx context.Context) ([]string, error) {
	all := tookPart(w.call)
	if len(all) > 0 || w.row.UserID == 0 {
		return all, nil
	}
	extension, err := w.extensionOf(ctx, w.row.UserID)
	if err != nil || extension == "" {
		return nil, err
	}
	return []string{extension}, nil
}

// tookPart are the extensions of which the PBX has told that they rang or talked.
func tookPart(c call.Call) []string {
	all := slices.Clone(c.Extensions)
	for _, extension := range []string{c.AnsweredBy, c.TalkedLast} {
		if extension != "" {
			all = append(all, extension)
		}
	}
	return all
}

// ignore keeps an excluded call out of the CRM: it stands in our log only. Who
// clicked a number, or waits to be called back, still gets the call. A click is
// registered by Bitrix24 itself before we hear of it, so it is finished, or its
// card would stay open; we log it to no card and give it no recording, and what
// Bitrix24 logs it to is Bitrix24's.
func (w *work) ignore(ctx context.Context) error {
	switch w.row.Kind {
	case models.KindPBX:
		if err := w.endClick(ctx); err != nil {
			return err
		}
	case models.KindClick, models.KindCallback:
		if err := w.order(ctx); err != nil {
			return err
		}
	}
	if w.row.Kind == models.KindClick {
		if !w.call.Ended {
			return nil
		}
		if err := w.closeClick(ctx); err != nil {
			return err
		}
	}
	w.row.State = models.CallIgnored
	return nil
}

// closeClick ends a click of which nothing is logged.
func (w *work) closeClick(ctx context.Context) error {
	if w.row.Progress.DryRun {
		return w.hideCard(ctx)
	}
	return w.finish(ctx)
}

// numberIn reports a number that stands in a list of exclusions, in any
// spelling. "+4930*" means all that begin so. What has no plus is meant as it is
// dialled in country: as a beginning, "030*" is no number abroad.
func numberIn(list []string, phone call.Phone, country string) bool {
	return !phone.Hidden() && slices.ContainsFunc(list, func(entry string) bool {
		beginning, open := strings.CutSuffix(strings.TrimSpace(entry), "*")
		if open {
			return beginsWith(phone, beginning, country)
		}
		return sameEnd(entry, phone) && call.ParsePhone(entry, country).Key() == phone.Key()
	})
}

// sameEnd compares the last digits, which are the same in every spelling: most
// entries need not be read as a number.
func sameEnd(entry string, phone call.Phone) bool {
	digits := call.Phone{Raw: entry}.Digits()
	return strings.HasSuffix(phone.Digits(), digits[max(0, len(digits)-4):])
}

func beginsWith(phone call.Phone, beginning, country string) bool {
	digits := call.Phone{Raw: beginning}.Digits()
	abroad := strings.HasPrefix(strings.TrimSpace(beginning), "+")
	if exit, ok := strings.CutPrefix(digits, "00"); ok && !abroad {
		digits, abroad = exit, true
	}
	switch {
	case digits == "":
		return false
	case abroad:
		return phone.E164 != "" && strings.HasPrefix(phone.Digits(), digits)
	case phone.E164 == "":
		return strings.HasPrefix(phone.Digits(), digits)
	}
	return slices.ContainsFunc(phone.DialledIn(country), func(spelling string) bool {
		return strings.HasPrefix(spelling, digits)
	})
}
