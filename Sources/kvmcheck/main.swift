print("kvmcheck")
