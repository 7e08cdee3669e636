package fault

// because is a fault whose text says everything; its causes can be matched and are not said once more.
type because struct {
	*Fault
	causes []error
}

// Unwrap gives the fault and its causes.
func (b because) Unwrap() []error { return append([]error{b.Fault}, b.causes...) }

// Because gives f as an error that also matches causes (errors.Is, errors.As) without printing them: for a fault whose
// What holds what they say already.
func Because(f *Fault, causes ...error) error { return because{f, causes} }
