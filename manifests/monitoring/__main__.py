from manifests.monitoring.files import write

if __name__ == "__main__":
    write()
