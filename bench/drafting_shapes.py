"""
What generated stores hold, in plain English.

The rules of ``linking`` were found on ``TUNED`` alone. ``UNSEEN`` was not looked at meanwhile: what is
measured on it is what a store that nobody thought of can expect.
"""

from bench.drafting_stores import Coll, Of, Own, Plain, Ref, Several, Shape

EMAIL, PHONE = Own("email", "email"), Own("phone", "phone_number")
LOCAL_PHONE, BORN = Own("local_phone"), Own("born")
NAMED = {"first_name": Own("first"), "last_name": Own("last")}
ADDRESS = {
    "street": Own("street"),
    "city": Own("city"),
    "postal_code": Own("postal_code"),
    "country": Plain("country"),
}
CATALOGUE = {"name": Plain("thing"), "sku": Plain("sku"), "price": Plain("price"), "stock": Plain("size")}

SHOP: Shape = {
    "customers": Coll(
        {
            "number": Plain("key"),
            **NAMED,
            "email": EMAIL,
            "phone": PHONE,
            "birth_date": BORN,
            "addresses": Several(ADDRESS),
            "password": Plain("bcrypt"),
            "created_at": Plain("moment"),
            "points": Plain("score"),
        },
        people=True,
    ),
    "products": Coll(
        {
            **CATALOGUE,
            "support_email": Plain("office_mail"),
            "category_id": Ref("categories", followed=False),
        },
        0.7,
    ),
    "categories": Coll({"title": Plain("title")}, 0.1),
    "orders": Coll(
        {
            "customer_id": Ref("customers"),
            "order_number": Plain("like_phone"),
            "status": Plain("status"),
            "created_at": Plain("moment"),
            "contact": {"email": Of("customer_id", "email", "email"), "name": Of("customer_id", "name")},
            "items": Several(
                {
                    "product_id": Ref("products", followed=False),
                    "quantity": Plain("quantity"),
                    "price": Plain("cents"),
                }
            ),
        },
        3,
    ),
    "invoices": Coll(
        {
            "customer_number": Ref("customers", by="number", dangling=0.03),
            "order_id": Ref("orders", unique=True),
            "amount": Plain("price"),
            "year": Plain("year"),
        },
        2,
    ),
    "reviews": Coll(
        {
            "product_id": Ref("products", followed=False),
            "author_id": Ref("customers", missing=0.2, other_form=True),
            "stars": Plain("quantity"),
            "text": Plain("prose"),
        },
        1.5,
    ),
}

STREET_SHOP: Shape = {
    "customers": Coll(
        {**NAMED, "email": EMAIL, "address": ADDRESS, "created_at": Plain("moment")}, people=True
    ),
    "products": Coll({**CATALOGUE, "description": Plain("prose")}, 0.5),
    "orders": Coll(
        {
            "customer_id": Ref("customers"),
            "customer_name": Of("customer_id", "name"),
            "status": Plain("status"),
            "created_at": Plain("moment"),
            "items": Several({"product_id": Ref("products", followed=False), "quantity": Plain("quantity")}),
        },
        3,
    ),
    "payments": Coll(
        {
            "order_id": Ref("orders"),
            "iban": Plain("iban"),
            "amount": Plain("price"),
        },
        2,
    ),
    "reviews": Coll(
        {
            "product_id": Ref("products", followed=False),
            "customer_id": Ref("customers"),
            "stars": Plain("quantity"),
            "text": Plain("prose"),
        },
        2,
    ),
}
"""Customers have a first and a last name, their orders a full name."""

FORUM: Shape = {
    "users": Coll(
        {
            "username": Plain("key"),
            "name": Own("name"),
            "email": EMAIL,
            "last_ip": Plain("ip"),
            "karma": Plain("size"),
            "birth_date": BORN,
        },
        people=True,
    ),
    "profiles": Coll(
        {"user_id": Ref("users", unique=True), "about": Plain("prose"), "city": Own("city")},
        1,
        also="users",
        people=True,
    ),
    "posts": Coll(
        {
            "author_id": Ref("users"),
            "title": Plain("title"),
            "body": Plain("prose"),
            "views": Plain("size"),
            "tags": Plain("status"),
            "comments": Several(
                {"user_id": Ref("users", other_form=True), "text": Plain("prose"), "at": Plain("moment")}, 4
            ),
        },
        2,
    ),
    "votes": Coll(
        {"post_id": Ref("posts", either=True), "user_id": Ref("users"), "value": Plain("quantity")}, 5
    ),
    "messages": Coll(
        {
            "user_id": Ref("users"),
            "sender": Ref("users", by="username"),
            "text": Plain("prose"),
            "read": Plain("flag"),
        },
        2,
    ),
    "boards": Coll(
        {"name": Plain("thing"), "moderators": Ref("users", many=True), "contact": Plain("office_mail")}, 0.3
    ),
}

SAAS: Shape = {
    "tenants": Coll(
        {
            "name": Plain("firm"),
            "support_email": Plain("office_mails"),
            "billing_email": EMAIL,
            "seats": Plain("score"),
            "plan": Plain("status"),
        },
        0.2,
        people=True,
    ),
    "users": Coll(
        {
            "tenant_id": Ref("tenants", followed=False),
            "email": EMAIL,
            "name": Own("name"),
            "phone": LOCAL_PHONE,
            "password": Plain("bcrypt"),
        },
        people=True,
    ),
    "projects": Coll(
        {
            "tenant_id": Ref("tenants", followed=False),
            "owner_id": Ref("users"),
            "title": Plain("title"),
            "budget": Plain("cents"),
            "members": Several(
                {"user_id": Ref("users"), "email": Of("user_id", "email", "email"), "role": Plain("status")},
                4,
            ),
        },
        1,
    ),
    "tasks": Coll(
        {
            "project_id": Ref("projects", either=True),
            "assignee_id": Ref("users", missing=0.3),
            "title": Plain("title"),
            "priority": Plain("quantity"),
            "position": Plain("counter"),
        },
        3,
    ),
    "audit_events": Coll(
        {
            "tenant_id": Ref("tenants", followed=False),
            "user_id": Ref("users", other_form=True),
            "ip": Plain("ip"),
            "version": Plain("version"),
            "at": Plain("moment"),
            "sequence": Plain("counter"),
        },
        4,
    ),
    "invitations": Coll(
        {"tenant_id": Ref("tenants", followed=False), "email": EMAIL, "token": Plain("hash")},
        0.5,
        people=True,
    ),
}

BANK: Shape = {
    "customers": Coll(
        {**NAMED, "email": EMAIL, "phone": PHONE, "birth_date": BORN, "address": ADDRESS}, people=True
    ),
    "accounts": Coll(
        {
            "number": Plain("key"),
            "customer_id": Ref("customers"),
            "balance": Plain("price"),
            "branch_id": Ref("branches", followed=False),
        },
        1.3,
    ),
    "branches": Coll({"name": Plain("thing"), "city": Plain("title"), "email": Plain("office_mails")}, 0.15),
    "transactions": Coll(
        {
            "account_number": Ref("accounts", by="number"),
            "amount": Plain("cents"),
            "at": Plain("moment"),
            "reference": Plain("like_mobile"),
            "sequence": Plain("counter"),
        },
        6,
    ),
    "cards": Coll(
        {"account_id": Ref("accounts"), "holder": Of("account_id", "name"), "limit": Plain("size")}, 1
    ),
    "loans": Coll(
        {
            "borrowers": Several({"customer_id": Ref("customers"), "share": Plain("score")}, 2),
            "amount": Plain("cents"),
            "rate": Plain("ratio"),
        },
        0.6,
    ),
}

HOSPITAL: Shape = {
    "patients": Coll(
        {
            **NAMED,
            "email": EMAIL,
            "phone": PHONE,
            "birth_date": BORN,
            "address": ADDRESS,
            "insurance": Plain("like_phone"),
        },
        people=True,
    ),
    "doctors": Coll(
        {"name": Own("name"), "email": EMAIL, "department_id": Ref("departments", followed=False)},
        0.2,
        people=True,
    ),
    "departments": Coll(
        {"name": Plain("title"), "beds": Plain("score"), "contact": Plain("office_mail")}, 0.1
    ),
    "appointments": Coll(
        {
            "patient_id": Ref("patients"),
            "doctor_id": Ref("doctors", either=True),
            "at": Plain("moment"),
            "room": Plain("score"),
        },
        3,
    ),
    "records": Coll(
        {
            "patient_id": Ref("patients", other_form=True),
            "notes": Plain("prose"),
            "year": Plain("year"),
            "readings": Several({"celsius": Plain("celsius"), "pulse": Plain("score")}),
        },
        2,
    ),
    "bills": Coll(
        {
            "appointment_id": Ref("appointments", unique=True),
            "patient": {"id": Ref("patients"), "email": Of("id", "email", "email")},
            "amount": Plain("price"),
        },
        1.5,
    ),
}

SCHOOL: Shape = {
    "students": Coll(
        {
            **NAMED,
            "email": EMAIL,
            "birth_date": BORN,
            "guardians": Several({"name": Own("name"), "email": EMAIL, "phone": PHONE}, 2, strangers=True),
        },
        people=True,
    ),
    "teachers": Coll({"name": Own("name"), "email": EMAIL, "phone": LOCAL_PHONE}, 0.2, people=True),
    "courses": Coll(
        {
            "title": Plain("title"),
            "teacher_id": Ref("teachers"),
            "hours": Plain("score"),
            "participants": Ref("students", many=True),
        },
        0.4,
    ),
    "grades": Coll(
        {
            "student_id": Ref("students"),
            "course_id": Ref("courses", either=True),
            "value": Plain("quantity"),
            "year": Plain("year"),
        },
        5,
    ),
    "lockers": Coll(
        {
            "number": Plain("key"),
            "student_id": Ref("students", unique=True, missing=0.3),
            "floor": Plain("quantity"),
        },
        0.8,
    ),
    "absences": Coll(
        {"student_id": Ref("students", other_form=True), "days": Plain("quantity"), "note": Plain("prose")}, 1
    ),
}

IOT: Shape = {
    "accounts": Coll(
        {"email": EMAIL, "name": Own("name"), "phone": PHONE, "created_at": Plain("moment")}, people=True
    ),
    "devices": Coll(
        {
            "account_id": Ref("accounts", missing=0.1),
            "serial": Plain("hash"),
            "firmware": Plain("version"),
            "model_id": Ref("models", followed=False),
        },
        2,
    ),
    "models": Coll({"name": Plain("thing"), "sku": Plain("sku"), "support": Plain("office_mail")}, 0.2),
    "readings": Coll(
        {
            "device_id": Ref("devices"),
            "celsius": Plain("celsius"),
            "level": Plain("score"),
            "sequence": Plain("counter"),
            "at": Plain("moment"),
        },
        8,
    ),
    "alerts": Coll(
        {
            "device_id": Ref("devices", other_form=True),
            "sent_to": Several({"email": EMAIL, "at": Plain("moment")}, 2, strangers=True),
            "severity": Plain("quantity"),
        },
        1,
    ),
    "shares": Coll(
        {"device_id": Ref("devices", either=True), "account_id": Ref("accounts"), "rights": Plain("status")},
        0.7,
    ),
}

HR: Shape = {
    "employees": Coll(
        {
            "number": Plain("key"),
            **NAMED,
            "email": EMAIL,
            "birth_date": BORN,
            "address": ADDRESS,
            "department_id": Ref("departments", followed=False),
            "manager_id": Ref("employees", followed=False, missing=0.1),
        },
        people=True,
    ),
    "departments": Coll(
        {"name": Plain("title"), "cost_centre": Plain("size"), "mailbox": Plain("office_mails")}, 0.1
    ),
    "salaries": Coll(
        {"employee_number": Ref("employees", by="number"), "amount": Plain("cents"), "year": Plain("year")}, 3
    ),
    "absences": Coll(
        {
            "employee_id": Ref("employees"),
            "days": Plain("quantity"),
            "kind": Plain("status"),
            "at": Plain("moment"),
        },
        3,
    ),
    "applicants": Coll(
        {
            "name": Own("name"),
            "email": EMAIL,
            "phone": PHONE,
            "score": Plain("score"),
            "note": Plain("prose"),
        },
        0.6,
        people=True,
    ),
    "reviews": Coll(
        {
            "employee_id": Ref("employees", other_form=True),
            "goals": Several({"text": Plain("prose"), "weight": Plain("score")}),
            "rating": Plain("quantity"),
        },
        1,
    ),
}

HOTEL: Shape = {
    "guests": Coll({"name": Own("name"), "email": EMAIL, "phone": PHONE, "address": ADDRESS}, people=True),
    "rooms": Coll({"number": Plain("key"), "floor": Plain("quantity"), "rate": Plain("cents")}, 0.5),
    "bookings": Coll(
        {
            "guest_id": Ref("guests"),
            "room_id": Ref("rooms", followed=False),
            "nights": Plain("quantity"),
            "confirmation": Plain("like_mobile"),
            "companions": Several({"name": Own("name"), "email": EMAIL}, 2, strangers=True),
        },
        2,
    ),
    "charges": Coll(
        {"booking_id": Ref("bookings"), "amount": Plain("price"), "sequence": Plain("counter")}, 4
    ),
    "feedback": Coll(
        {"guest_id": Ref("guests", missing=0.4), "text": Plain("prose"), "score": Plain("score")}, 1
    ),
}

CHARITY: Shape = {
    "donors": Coll(
        {
            "number": Plain("key"),
            **NAMED,
            "email": EMAIL,
            "phone": LOCAL_PHONE,
            "address": ADDRESS,
            "newsletter": Plain("flag"),
        },
        people=True,
    ),
    "donations": Coll(
        {
            "donor_number": Ref("donors", by="number", dangling=0.05),
            "amount": Plain("cents"),
            "campaign_id": Ref("campaigns", followed=False),
            "at": Plain("moment"),
        },
        4,
    ),
    "campaigns": Coll({"title": Plain("title"), "goal": Plain("size"), "contact": Plain("office_mail")}, 0.1),
    "volunteers": Coll(
        {
            "donor_id": Ref("donors", unique=True, other_form=True),
            "hours": Plain("score"),
            "skills": Plain("status"),
        },
        0.5,
    ),
    "letters": Coll(
        {
            "recipient_id": Ref("donors"),
            "campaign_id": Ref("campaigns", followed=False),
            "text": Plain("prose"),
        },
        2,
    ),
}

TUNED = {"shop": SHOP, "street shop": STREET_SHOP, "forum": FORUM, "saas": SAAS, "bank": BANK}
UNSEEN = {"hospital": HOSPITAL, "school": SCHOOL, "iot": IOT, "hr": HR, "hotel": HOTEL, "charity": CHARITY}
