// SPDX-License-Identifier: LGPL-3.0-only
/* Calls between a client and a service on one loop handle: answers, errors, streams, cancel,
 * rights; and the wire form of messages against the descriptor in envelope.proto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/msg.h>
#include <flux/v1/broker_service.h>
#include <flux/v1/envelope.pb-c.h>
#include <flux/v1/event_service.h>
#include <flux/v1/log_service.h>

FLUX_EVENT_HANDLERS(event);

struct state {
    struct flux_call *subscriber;
    unsigned cancelled;
};

int event_publish(struct flux_call *call, const flux_event_publish_request *in,
                  flux_event_publish_response *out)
{
    struct state *st = flux_call_data(call);
    flux_event_subscribe_response item = FLUX_EVENT_SUBSCRIBE_RESPONSE_INIT;

    if (strcmp(in->topic, "bad") == 0)
        return flux_call_fail(call, EINVAL, "topic '%s' is not welcome", in->topic);
    item.topic = in->topic;
    item.seq = 7;
    if (st->subscriber)
        flux_event_subscribe_send(st->subscriber, &item);
    if (st->subscriber && strcmp(in->topic, "end") == 0) {
        flux_call_finish(st->subscriber);
        st->subscriber = NULL;
    }
    out->seq = 7;
    return 0;
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct state *st = arg;

    assert_ptr_equal(call, st->subscriber);
    st->subscriber = NULL;
    st->cancelled++;
}

int event_subscribe(struct flux_call *call, const flux_event_subscribe_request *in)
{
    struct state *st = flux_call_data(call);

    st->subscriber = call;
    flux_call_on_cancel(call, on_cancel, st);
    return FLUX_CALL_LATER;
}

static const struct flux_event_ops ops = FLUX_EVENT_OPS(event);

static struct flux *serve(struct state *st)
{
    struct flux *h = flux_open_loop();

    assert_int_equal(flux_event_serve(h, &ops, st, NULL), 0);
    return h;
}

static int publish(struct flux *h, const char *topic, struct flux_error *err)
{
    flux_event_publish_request in = FLUX_EVENT_PUBLISH_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_event_publish_response) out = NULL;
    int r;

    in.topic = (char *)topic;
    r = flux_event_publish(h, FLUX_ANY, &in, &out, err);
    if (r == 0)
        assert_int_equal(out->seq, 7);
    return r;
}

static void test_a_call_is_answered(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);

    assert_int_equal(publish(h, "a.b", NULL), 0);
}

static void test_an_error_carries_the_text_of_the_service(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    struct flux_error err;

    assert_int_equal(publish(h, "bad", &err), -EINVAL);
    assert_string_equal(err.text, "topic 'bad' is not welcome");
}

static void test_an_unknown_service_is_enosys(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    flux_log_clear_request in = FLUX_LOG_CLEAR_REQUEST_INIT;
    struct flux_error err;

    assert_int_equal(flux_log_clear(h, FLUX_ANY, &in, NULL, &err), -ENOSYS);
}

static void test_a_stream_gives_items_then_enodata(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    flux_event_subscribe_request in = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
    FLUX_AUTO(future) f = flux_event_subscribe_stream(h, FLUX_ANY, &in);
    const flux_event_subscribe_response *out;

    assert_int_equal(publish(h, "one", NULL), 0);
    assert_int_equal(publish(h, "end", NULL), 0);
    assert_int_equal(flux_event_subscribe_result(f, &out, NULL), 0);
    assert_string_equal(out->topic, "one");
    flux_future_next(f);
    assert_int_equal(flux_event_subscribe_result(f, &out, NULL), 0);
    assert_string_equal(out->topic, "end");
    flux_future_next(f);
    assert_int_equal(flux_event_subscribe_result(f, &out, NULL), -ENODATA);
}

static void test_freeing_a_stream_cancels_it(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    flux_event_subscribe_request in = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
    struct flux_future *f = flux_event_subscribe_stream(h, FLUX_ANY, &in);

    assert_int_equal(publish(h, "one", NULL), 0);
    flux_future_free(f);
    assert_int_equal(publish(h, "two", NULL), 0);
    assert_int_equal(st.cancelled, 1);
    assert_null(st.subscriber);
}

struct seen {
    int items, ends;
};

static void count_item(struct flux_future *f, void *arg)
{
    struct seen *seen = arg;
    const flux_event_subscribe_response *out;
    int r = flux_event_subscribe_result(f, &out, NULL);

    if (r == 0)
        seen->items++;
    else {
        seen->ends++;
        flux_future_free(f);
    }
}

static void test_a_callback_gets_every_item_and_the_end_once(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    flux_event_subscribe_request in = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
    struct flux_future *f = flux_event_subscribe_stream(h, FLUX_ANY, &in);
    struct seen seen = {0};

    flux_future_then(f, count_item, &seen);
    for (int i = 0; i < 99; i++)
        assert_int_equal(publish(h, "x", NULL), 0);
    assert_int_equal(publish(h, "end", NULL), 0);
    while (!seen.ends)
        uv_run(flux_loop(h), UV_RUN_ONCE);
    assert_int_equal(seen.items, 100);
    assert_int_equal(seen.ends, 1);
}

static void test_a_timeout_ends_the_call(void **arg)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    flux_event_subscribe_request in = FLUX_EVENT_SUBSCRIBE_REQUEST_INIT;
    struct flux_to to = {.timeout = 0.01};
    FLUX_AUTO(future) f = flux_event_subscribe_stream(h, to, &in);

    assert_int_equal(flux_event_subscribe_result(f, NULL, NULL), -ETIMEDOUT);
    assert_int_equal(publish(h, "two", NULL), 0);
    assert_int_equal(st.cancelled, 1);
}

static struct flux_bytes *encode(struct flux_msg *m)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    assert_int_equal(flux_msg_encode_head(m, &b), 0);
    flux_buf_add(&b, m->body, m->body_len);
    return flux_bytes_copy(b.data, b.len);
}

static struct flux_msg *sample(void)
{
    struct flux_msg *m = flux_msg_new(FLUX_MSG_REQUEST);

    strcpy(m->method, "flux.v1.Kvs/Get");
    m->tag = 300;
    m->target = FLUX_TARGET_RANK;
    m->rank = 70000;
    m->userid = 1001;
    m->roles = 3;
    m->more = true;
    m->status = 2;
    m->credit = 65536;
    flux_msg_set_text(m, "text");
    for (uint32_t i = 0; i < 5; i++)
        flux_msg_push_route(m, i * 1000);
    flux_msg_set_body(m, flux_bytes_copy("body", 4));
    return m;
}

static void test_our_codec_agrees_with_the_descriptor(void **arg)
{
    FLUX_AUTO(msg) m = sample();
    struct flux_bytes *b = encode(m);
    Flux__V1__Envelope *e =
        (void *)protobuf_c_message_unpack(&flux__v1__envelope__descriptor, NULL, b->len, b->data);

    assert_non_null(e);
    assert_int_equal(e->kind, FLUX__V1__KIND__KIND_REQUEST);
    assert_string_equal(e->method, m->method);
    assert_int_equal(e->tag, m->tag);
    assert_int_equal(e->target, FLUX__V1__TARGET__TARGET_RANK);
    assert_int_equal(e->rank, m->rank);
    assert_int_equal(e->userid, m->userid);
    assert_int_equal(e->roles, m->roles);
    assert_int_equal(e->more, m->more);
    assert_int_equal(e->status, m->status);
    assert_string_equal(e->text, m->text);
    assert_int_equal(e->credit, m->credit);
    assert_int_equal(e->n_route, m->nroute);
    assert_memory_equal(e->route, m->route, m->nroute * sizeof(*m->route));
    assert_int_equal(e->body.len, 4);
    assert_memory_equal(e->body.data, "body", 4);
    protobuf_c_message_free_unpacked(&e->base, NULL);
    flux_bytes_unref(b);
}

static void test_messages_survive_a_round_trip(void **arg)
{
    FLUX_AUTO(msg) m = sample();
    FLUX_AUTO(msg) back = NULL;
    struct flux_bytes *b = encode(m);

    assert_int_equal(flux_msg_decode(b, 0, b->len, &back, NULL), 0);
    flux_bytes_unref(b);
    assert_string_equal(back->method, m->method);
    assert_int_equal(back->nroute, 5);
    assert_int_equal(back->route[4], 4000);
    assert_int_equal(back->credit, m->credit);
    assert_memory_equal(back->body, "body", 4);
}

static void test_every_cut_of_a_message_is_refused_or_read(void **arg)
{
    FLUX_AUTO(msg) m = sample();
    struct flux_bytes *b = encode(m);

    for (size_t n = 0; n < b->len; n++) {
        FLUX_AUTO(msg) back = NULL;
        struct flux_bytes *cut = flux_bytes_copy(b->data, n);
        struct flux_error err;
        int r = flux_msg_decode(cut, 0, n, &back, &err);
        assert_true(r == 0 || r == -EPROTO);
        flux_bytes_unref(cut);
    }
    flux_bytes_unref(b);
}

static int keep_frame(struct flux_bytes *frame, void *arg)
{
    struct flux_buf *b = arg;

    flux_buf_printf(b, "%zu ", frame->len);
    flux_bytes_unref(frame);
    return 0;
}

static int note_oversize(size_t len, void *arg)
{
    flux_buf_printf(arg, "!%zu ", len);
    return 0;
}

static void test_frames_come_out_whole_however_they_are_cut(void **arg)
{
    static const char stream[] = "\0\0\0\3abc\0\0\0\0\0\0\0\6toobig\0\0\0\1x";
    size_t n = sizeof(stream) - 1;

    for (size_t step = 1; step <= n; step++) {
        struct flux_frame_reader r = {.max = 5};
        FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
        for (size_t at = 0; at < n; at += step)
            flux_frame_feed(&r, stream + at, n - at < step ? n - at : step, keep_frame,
                            note_oversize, &b);
        assert_string_equal(b.data, "3 0 !6 1 ");
        flux_frame_done(&r);
    }
}

static void test_encoded_messages_can_be_sent_as_they_are(void **state)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    struct flux_error err = {""};
    const uint8_t *answer;
    size_t len;
    const void *body;
    {
        FLUX_AUTO(future) f =
            flux_rpc_bytes(h, FLUX_ANY, &flux_event_publish_method, "\x0a\x01x", 3);
        assert_int_equal(flux_rpc_result_bytes(f, &body, &len, &err), 0);
        answer = body;
        assert_int_equal(len, 2);
        assert_memory_equal(answer, "\x08\x07", 2);
    }
    {
        FLUX_AUTO(future) f = flux_rpc_bytes(h, FLUX_ANY, &flux_event_publish_method, "\xff", 1);
        assert_int_equal(flux_rpc_result_bytes(f, &body, &len, &err), -EPROTO);
        assert_null(body);
    }
}

static void test_a_request_without_a_message_has_defaults(void **state)
{
    struct state st = {0};
    FLUX_AUTO_HANDLE h = serve(&st);
    FLUX_AUTO_MSG(flux_event_publish_response) out = NULL;

    assert_int_equal(flux_event_publish(h, FLUX_ANY, NULL, &out, NULL), 0);
    assert_int_equal(out->seq, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoded_messages_can_be_sent_as_they_are),
        cmocka_unit_test(test_a_request_without_a_message_has_defaults),
        cmocka_unit_test(test_a_call_is_answered),
        cmocka_unit_test(test_an_error_carries_the_text_of_the_service),
        cmocka_unit_test(test_an_unknown_service_is_enosys),
        cmocka_unit_test(test_a_stream_gives_items_then_enodata),
        cmocka_unit_test(test_freeing_a_stream_cancels_it),
        cmocka_unit_test(test_a_callback_gets_every_item_and_the_end_once),
        cmocka_unit_test(test_a_timeout_ends_the_call),
        cmocka_unit_test(test_our_codec_agrees_with_the_descriptor),
        cmocka_unit_test(test_messages_survive_a_round_trip),
        cmocka_unit_test(test_every_cut_of_a_message_is_refused_or_read),
        cmocka_unit_test(test_frames_come_out_whole_however_they_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
