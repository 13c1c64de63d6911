/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transaction/watch.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

int watch_open(int descriptor)
{
	/* Reporting identifiers in place of descriptors is what others than root may ask for. */
	int watch = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID,
				  O_RDONLY);

	if (watch < 0)
		return -1;
	if (fanotify_mark(watch, FAN_MARK_ADD, FAN_MODIFY, descriptor, NULL) == 0)
		return watch;
	close(watch);
	return -1;
}

bool watch_saw_others(int watch)
{
	_Alignas(struct fanotify_event_metadata) char events[4096];
	ssize_t length;
	bool seen = false;

	if (watch < 0)
		return false;
	/* Ends: events of one process are merged as long as they wait, and they are read faster
	 * than they come. */
	while ((length = read(watch, events, sizeof(events))) > 0) {
		const struct fanotify_event_metadata *event = (const void *)events;

		for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length))
			if ((event->mask & FAN_Q_OVERFLOW) || event->pid != getpid())
				seen = true;
		if (seen)
			break;
	}
	return seen;
}
