package call

import "testing"

func TestANumberIsErasedFromATextInEverySpelling(t *testing.T) {
	for _, tt := range []struct{ number, text, want string }{
		{"+4930901820", "Call from +49 30 90 18 20, Anna", "Call from •••, Anna"},
		{"+4930901820", "4930901820", "•••"},
		{"030 901820", "0049 (30) 90-18-20 / 030 901820", "••• / •••"},
		{"+4930901820", "030.90.18.20\n030 901821", "•••\n030 901821"},
		{"+4930901820", "lead 30901, +49309018201", "lead 30901, +49309018201"},
		{"+4930901820", "https://pbx.example/records/4930901820.mp3", "https://pbx.example/records/•••.mp3"},
		{"110", "call 110", "call 110"},
		{"anonymous", "anonymous", "anonymous"},
		{"123 4567 89012345", "x1234567-89012345", "x•••"},
	} {
		if got := ParsePhone(tt.number, "DE").Mention().EraseFrom(tt.text); got != tt.want {
			t.Errorf("%s in %q: %q, want %q", tt.number, tt.text, got, tt.want)
		}
	}
}
