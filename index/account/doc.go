// Package account answers for accounts in the words of the API: tokens,
// namespaces, their owners, people. It finds who asks, has index/auth decide and
// change, says a refusal as a problem, and sees to it that what was changed is
// stated in the namespace's ledger.
package account
