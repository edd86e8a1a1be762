package b24

type portal struct{}

func (a *App) portal(memberID string) *portal { return &portal{} }
