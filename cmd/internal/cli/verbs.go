package cli

import "github.com/spf13/cobra"

// addVerbs names every verb in its group.
func addVerbs(c *console, add func(group string, verbs ...*cobra.Command)) {
	add("publish", newInit(c), newLint(c), newPack(c), newPush(c), newSign(c), newAttest(c), newVerify(c), newLedger(c), newKey(c), newChannel(c), newPublisher(c), newSchema(c))
	add("publish", newLifecycle(c)...)
	add("find", newSearch(c), newShow(c), newResolve(c), newWhy(c))
	add("use", newPull(c), newInstall(c), newList(c), newUpdate(c), newOutdated(c), newUninstall(c), newRollback(c))
	add("operate", newServe(c), newRebuild(c), newFsck(c), newScrub(c), newBlock(c), newEmergency(c), newGC(c),
		newBackup(c), newRestoreBackup(c), newMirror(c), newCatalog(c), newPolicy(c),
		newTenant(c), newConfig(c), newLogin(c), newLogout(c), newWhoami(c), newToken(c), newAccount(c), newAudit(c), newLog(c),
		newWebhook(c), newSubscription(c), newVersion(c))
}
