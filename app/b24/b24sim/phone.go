package b24sim

import (
	"slices"
	"strings"

	"callwise/app/crm"
)

// normalise is the key of the duplicate index for a number
// (bitrix24-telephony-crm.md, 4.1): digits only; from ten digits on, a leading
// 00, 011 or 0 is dropped and a leading 8 becomes 7, unless it starts 80, 81,
// 82 or was written +8. The extension is ignored. A national number never
// equals the same number with its country code.
func normalise(number string) string {
	number, _, _ = strings.Cut(number, ";")
	number, _, _ = strings.Cut(number, ",")
	plus := strings.HasPrefix(strings.TrimSpace(number), "+")
	digits := digitsOf(number)
	if len(digits) < 10 {
		return digits
	}
	for _, prefix := range []string{"00", "011", "0"} {
		if rest, found := strings.CutPrefix(digits, prefix); found {
			return rest
		}
	}
	if !plus && digits[0] == '8' && !strings.ContainsRune("012", rune(digits[1])) {
		return "7" + digits[1:]
	}
	return digits
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// dialled checks PHONE_NUMBER of a call: digits with the usual punctuation
// and an optional plus in front, no letters. ok is false for
// "Unsupported phone number format".
func dialled(number string) (clean string, ok bool) {
	number = strings.TrimSpace(number)
	digits := digitsOf(number)
	if digits == "" || strings.Trim(number, "+0123456789 -().") != "" || strings.LastIndex(number, "+") > 0 {
		return "", false
	}
	if number[0] == '+' {
		return "+" + digits, true
	}
	return digits, true
}

// carrying are the records of a type that have one of the numbers.
func (s *store) carrying(typ crm.EntityType, numbers ...string) []*record {
	var keys []string
	for _, n := range numbers {
		if k := normalise(n); k != "" {
			keys = append(keys, k)
		}
	}
	return s.where(typ, func(r *record) bool {
		return slices.ContainsFunc(r.phones, func(row multi) bool { return slices.Contains(keys, normalise(row.value)) })
	})
}

// isExcluded reports whether the number is on the list of exceptions.
func (s *store) isExcluded(number string) bool {
	return slices.Contains(s.excluded, normalise(number))
}

// isEmployees reports whether the number is a phone of an active employee.
func (p *Portal) isEmployees(number string) bool {
	key := normalise(number)
	return slices.ContainsFunc(p.users, func(u *User) bool {
		return !u.Dismissed && key != "" && (normalise(u.Mobile) == key || normalise(u.WorkPhone) == key)
	})
}

// byExtension is the active employee with this extension, nil if nobody has it.
func (p *Portal) byExtension(extension string) *User {
	extension = strings.TrimSpace(extension)
	if extension == "" {
		return nil
	}
	for _, u := range p.users {
		if !u.Dismissed && strings.TrimSpace(u.Extension) == extension {
			return u
		}
	}
	return nil
}
